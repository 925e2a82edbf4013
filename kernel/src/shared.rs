//! Compiled work that sessions share: what one has compiled, another need not compile again.
//!
//! A piece of work is known by the digest of all that goes into it: the text, what rustc is told, and by that the libraries
//! that it links to, which are named by such digests themselves. So another text, another type of a variable that it
//! mentions, or another function behind a name is another piece of work.
//!
//! Who uses this decides who may put something in. [`crate::grade`] says why a submission can neither change what it finds
//! here nor leave something for the next. What could come out otherwise another time, such as what includes a file, is not
//! shared at all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest;
use serde::{Deserialize, Serialize};

/// Stands for the session's folder, which each has in another place.
const FOLDER: &str = "@session@";
/// What the compiler made.
const OBJECT: &str = "object";
/// What it said.
const SAID: &str = "said.json";
/// Macros by which more goes into a piece of work than its text.
const IMPURE: [&str; 5] = ["include", "include_str", "include_bytes", "env", "option_env"];

/// A folder of shared work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// Where it is.
    pub folder: PathBuf,
    /// Whether what is compiled goes in.
    pub learns: bool,
}

/// A piece of work that may be there.
pub struct Entry {
    folder: PathBuf,
    /// By which it is known.
    pub key: String,
    learns: bool,
    session: String,
}

/// What a compiler said.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Its messages, a line each.
    pub text: String,
    /// Whether it was content.
    pub success: bool,
}

impl Shared {
    /// What is made of these texts, which are in the folder `session`, by this command. Nothing where it cannot be shared.
    pub fn entry<'a>(
        &self,
        session: &Path,
        command: &Command,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Option<Entry> {
        let session = session.to_str()?.to_owned();
        let mut context = digest::Context::new(&digest::SHA256);
        // Each part with its length, so that none can run into the next.
        let mut part = |text: &str| {
            let text = text.replace(&session, FOLDER);
            context.update(&(text.len() as u64).to_le_bytes());
            context.update(text.as_bytes());
        };
        part(command.get_program().to_str()?);
        for argument in command.get_args() {
            part(argument.to_str()?);
        }
        for text in texts {
            let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if words.any(|word| IMPURE.contains(&word)) {
                return None;
            }
            part(text);
        }
        let key: String = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Entry { folder: self.folder.join(&key), key, learns: self.learns, session })
    }
}

impl Entry {
    /// What was said when this was compiled; what was made goes to `output`. Nothing when it has not been, or is damaged.
    pub fn find(&self, output: Option<&Path>) -> Option<Said> {
        let text = std::fs::read_to_string(self.folder.join(SAID)).ok()?;
        let mut said: Said = serde_json::from_str(&text).ok()?;
        said.text = said.text.replace(FOLDER, &self.session);
        if let Some(output) = output.filter(|_| said.success) {
            // Another file each time: the loader takes the same file for the same library.
            let _ = std::fs::remove_file(output);
            std::fs::copy(self.folder.join(OBJECT), output).ok()?;
        }
        Some(said)
    }

    /// Puts in what was compiled, if it is to be. Another that has done so at the same time is as good.
    pub fn learn(&self, said: &Said, output: Option<&Path>) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if !self.learns || self.folder.exists() {
            return;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("partial-{}-{number}-{}", std::process::id(), &self.key[..16]);
        let partial = self.folder.with_file_name(name);
        let put = || -> std::io::Result<()> {
            std::fs::create_dir(&partial)?;
            if let Some(output) = output.filter(|_| said.success) {
                std::fs::copy(output, partial.join(OBJECT))?;
            }
            let said = Said { text: said.text.replace(&self.session, FOLDER), success: said.success };
            std::fs::write(partial.join(SAID), serde_json::to_vec(&said)?)?;
            // Whole or not at all.
            std::fs::rename(&partial, &self.folder)
        };
        if put().is_err() {
            let _ = std::fs::remove_dir_all(&partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(session: &Path, more: &str) -> Command {
        let mut command = Command::new("rustc");
        command.arg(session.join("cell.rs")).arg(more);
        command
    }

    #[test]
    fn what_one_session_compiled_another_finds_in_its_own_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let (one, other) = (root.path().join("one"), root.path().join("other"));
        let shared = Shared { folder: root.path().to_path_buf(), learns: true };
        std::fs::write(root.path().join("made"), "object").expect("written");
        let entry = |session: &Path| shared.entry(session, &command(session, "-O"), ["fn f() {}"]).expect("an entry");
        assert_eq!(entry(&one).find(None), None);
        let said = Said { text: format!("{}/cell.rs: a word", one.display()), success: true };
        entry(&one).learn(&said, Some(&root.path().join("made")));
        let output = root.path().join("copy");
        let found = entry(&other).find(Some(&output)).expect("found");
        assert_eq!(found.text, format!("{}/cell.rs: a word", other.display()));
        assert_eq!(std::fs::read(&output).expect("copied"), b"object");
    }

    #[test]
    fn other_work_has_another_key_and_some_has_none() {
        let session = Path::new("/session");
        let shared = Shared { folder: "/shared".into(), learns: false };
        let key = |more: &str, texts: &[&str]| {
            shared.entry(session, &command(session, more), texts.iter().copied()).map(|entry| entry.key)
        };
        let all = [key("-O", &["a", "b"]), key("-g", &["a", "b"]), key("-O", &["ab", ""]), key("-O", &["a", "c"])];
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
        assert_eq!(key("-O", &["a", "b"]), all[0]);
        for text in ["include_str!(\"x\")", "use std::include_bytes as f;", "option_env!(\"X\")"] {
            assert_eq!(key("-O", &[text]), None);
        }
    }

    #[test]
    fn who_does_not_learn_leaves_nothing() {
        let root = tempfile::tempdir().expect("a folder");
        let shared = Shared { folder: root.path().to_path_buf(), learns: false };
        let entry = shared.entry(Path::new("/session"), &Command::new("rustc"), ["x"]).expect("an entry");
        entry.learn(&Said { text: String::new(), success: true }, None);
        assert_eq!(std::fs::read_dir(root.path()).expect("read").count(), 0);
    }
}
