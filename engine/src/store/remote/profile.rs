//! What the AWS command line has written down about its user: keys and the region, by profile.

use std::path::{Path, PathBuf};

/// What a profile says. What other programs would have to be run for is not known here.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Profile {
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<String>,
    pub(super) session_token: Option<String>,
    pub(super) region: Option<String>,
}

impl Profile {
    /// The profile that `AWS_PROFILE` names, from the files where the command line keeps them.
    pub(super) fn current() -> Profile {
        let name = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_owned());
        let home = std::env::home_dir().unwrap_or_default().join(".aws");
        let file = |variable: &str, name: &str| {
            let path = std::env::var_os(variable).map_or_else(|| home.join(name), PathBuf::from);
            text(&path)
        };
        let (config, keys) = (file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials"));
        Profile::of(&name, &config, &keys)
    }

    fn of(name: &str, config: &str, keys: &str) -> Profile {
        let mut profile = Profile::default();
        let section = if name == "default" { name.to_owned() } else { format!("profile {name}") };
        for (key, value) in values(config, &section).chain(values(keys, name)) {
            let place = match key {
                "aws_access_key_id" => &mut profile.access_key_id,
                "aws_secret_access_key" => &mut profile.secret_access_key,
                "aws_session_token" => &mut profile.session_token,
                "region" => &mut profile.region,
                _ => continue,
            };
            *place = Some(value.to_owned());
        }
        profile
    }
}

/// A file that cannot be read says nothing: whether it is needed is not known yet.
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The lines `key = value` of a section.
fn values<'t>(text: &'t str, section: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let mut inside = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            inside = name.0.trim() == section;
            return None;
        }
        let (key, value) = line.split_once('=')?;
        (inside && !line.starts_with(['#', ';'])).then(|| (key.trim(), value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_put_together_from_both_files() {
        let config =
            "[default]\nregion = eu-west-1\n\n[profile lab]\n# region = no\nregion=eu-central-1\noutput = json\n";
        let keys = "[default]\naws_access_key_id = A\naws_secret_access_key = B=\n[lab]\naws_session_token = C\n";
        let of = |name| Profile::of(name, config, keys);
        let default = of("default");
        assert_eq!(default.access_key_id.as_deref(), Some("A"));
        assert_eq!(default.secret_access_key.as_deref(), Some("B="));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        let lab = of("lab");
        assert_eq!((lab.region.as_deref(), lab.session_token.as_deref()), (Some("eu-central-1"), Some("C")));
        assert_eq!(lab.access_key_id, None);
        assert_eq!(of("other"), Profile::default());
    }
}
