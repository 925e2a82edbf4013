use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::SetupError;

/// Where everything lives that belongs to one person: the Python environment and the kernelspec.
///
/// It is `$TASKLOOM_HOME`, else `$XDG_DATA_HOME/taskloom`, else `~/.local/share/taskloom`
/// (on macOS `~/Library/Application Support/taskloom`). Deleting it undoes the set-up.
///
/// ```
/// use taskloom_setup::Home;
///
/// let home = Home::at("/srv/taskloom")?;
/// assert!(home.python_exe().ends_with("python/bin/python"));
/// assert!(home.kernelspec().ends_with("jupyter/kernels/taskloom"));
/// # Ok::<(), taskloom_setup::SetupError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home that the environment says.
    ///
    /// # Errors
    /// [`SetupError::NoHome`] when the environment has neither `TASKLOOM_HOME` nor `XDG_DATA_HOME` nor `HOME`.
    pub fn from_env() -> Result<Home, SetupError> {
        Home::from_lookup(|name| std::env::var_os(name))
    }

    /// A home at a folder of your choice, which need not exist yet. A relative path starts at the current folder.
    ///
    /// # Errors
    /// [`SetupError::Io`] when the path is empty or the current folder is gone.
    pub fn at(root: impl AsRef<Path>) -> Result<Home, SetupError> {
        let root = root.as_ref();
        match std::path::absolute(root) {
            Ok(root) => Ok(Home { root }),
            Err(error) => Err(SetupError::io("resolving", root, error)),
        }
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Home, SetupError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(root) = get("TASKLOOM_HOME") {
            return Home::at(root);
        }
        // The XDG rules: a relative path in this variable counts as none.
        if let Some(data) = get("XDG_DATA_HOME").filter(|data| data.is_absolute()) {
            return Home::at(data.join("taskloom"));
        }
        let user = get("HOME").ok_or(SetupError::NoHome)?;
        let data = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
        Home::at(user.join(data).join("taskloom"))
    }

    /// The folder itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The private Python environment. [`ensure_python`](crate::ensure_python) makes it.
    pub fn python(&self) -> PathBuf {
        self.root.join("python")
    }

    /// The Python of the private environment.
    pub fn python_exe(&self) -> PathBuf {
        self.python().join("bin/python")
    }

    /// A folder for `JUPYTER_PATH`.
    pub fn jupyter(&self) -> PathBuf {
        self.root.join("jupyter")
    }

    /// The folder of the kernelspec, below [`jupyter`](Home::jupyter).
    pub fn kernelspec(&self) -> PathBuf {
        self.jupyter().join("kernels/taskloom")
    }

    /// The file that is written last when the requirements are installed: without it the environment is not used.
    pub fn pip_stamp(&self, requirements: crate::Requirements) -> PathBuf {
        self.python().join(requirements.stamp_name())
    }

    /// What this home puts in front of `JUPYTER_PATH`: its own Jupyter folder, then what is there already.
    pub fn jupyter_path(&self) -> OsString {
        let mut path = self.jupyter().into_os_string();
        if let Some(rest) = std::env::var_os("JUPYTER_PATH").filter(|rest| !rest.is_empty()) {
            path.push(":");
            path.push(rest);
        }
        path
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.root.join("setup.lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(variables: &[(&str, &str)]) -> Result<Home, SetupError> {
        Home::from_lookup(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_environment_says_where() {
        let all = [("TASKLOOM_HOME", "/a"), ("XDG_DATA_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(home(&all).unwrap().root(), Path::new("/a"));
        assert_eq!(home(&all[1..]).unwrap().root(), Path::new("/b/taskloom"));
        let user = home(&all[2..]).unwrap();
        assert!(user.root().starts_with("/c") && user.root().ends_with("taskloom"), "{user:?}");
        assert!(matches!(home(&[]), Err(SetupError::NoHome)));
    }

    #[test]
    fn empty_and_relative_variables_count_as_none() {
        assert_eq!(home(&[("TASKLOOM_HOME", ""), ("XDG_DATA_HOME", "/b")]).unwrap().root(), Path::new("/b/taskloom"));
        assert!(home(&[("XDG_DATA_HOME", "b"), ("HOME", "/c")]).unwrap().root().starts_with("/c"));
    }

    #[test]
    fn a_relative_home_becomes_absolute() {
        assert!(Home::at("some/place").unwrap().root().is_absolute());
        assert!(Home::at("").is_err());
    }
}
