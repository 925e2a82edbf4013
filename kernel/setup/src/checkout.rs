use std::path::{Path, PathBuf};
use std::process::Command;

use crate::SetupError;
use crate::process::{self, output_of};

/// The checkout of Taskloom that the current folder is in, else the one that this crate was compiled in.
///
/// `None` when neither is there.
///
/// ```
/// let root = taskloom_setup::checkout().expect("this test runs in a checkout");
/// assert!(root.join("kernel/setup/Cargo.toml").is_file());
/// ```
pub fn checkout() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    here.as_deref().and_then(|here| here.ancestors().find(|folder| is_checkout(folder))).map(Path::to_owned).or_else(
        || {
            let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
            is_checkout(compiled).then(|| compiled.to_owned())
        },
    )
}

fn is_checkout(folder: &Path) -> bool {
    folder.join("kernel/setup/requirements.txt").is_file()
        && std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
}

/// Where cargo puts what it builds for this checkout; `CARGO_TARGET_DIR` and `build.target-dir` are honoured.
///
/// # Errors
/// [`SetupError::NoRust`] when there is no cargo, [`SetupError::Failed`] when it cannot read the workspace.
pub fn target_dir(checkout: &Path) -> Result<PathBuf, SetupError> {
    let mut command = process::cargo();
    command.current_dir(checkout).args(["metadata", "--no-deps", "--format-version", "1"]);
    let text = run_cargo(&mut command, "reading the workspace")?;
    let found = json_string(&text, "target_directory").ok_or_else(|| SetupError::Failed {
        doing: "reading the workspace".into(),
        why: "`cargo metadata` named no target directory".into(),
        advice: "run `rustup update stable` and try again".into(),
    })?;
    Ok(PathBuf::from(found))
}

fn run_cargo(command: &mut Command, doing: &str) -> Result<String, SetupError> {
    let output = output_of(command).map_err(|_| SetupError::NoRust { tool: "cargo".into() })?;
    if output.ok {
        return Ok(output.stdout);
    }
    eprint!("{}", output.stderr);
    Err(SetupError::Failed {
        doing: doing.into(),
        why: "and cargo's own message is above".into(),
        advice: "repair what it names and try again".into(),
    })
}

/// The oldest Rust that the workspace compiles with, as its Cargo.toml says.
pub(crate) fn rust_version(checkout: &Path) -> Option<String> {
    let text = std::fs::read_to_string(checkout.join("Cargo.toml")).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("rust-version"))?;
    Some(line.trim_start().strip_prefix('=')?.split('"').nth(1)?.to_owned())
}

/// The string that a key has in a JSON text: the last one, since cargo writes its own keys after the packages.
///
/// This is no JSON parser; it is right for what cargo prints, on one line and with this key at one place.
pub(crate) fn json_string(json: &str, key: &str) -> Option<String> {
    let needle = format!("\"{key}\":\"");
    let rest = &json[json.rfind(&needle)? + needle.len()..];
    let mut text = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return Some(text),
            '\\' => match letters.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'u' => {
                    let mut unit = hex4(&mut letters)?;
                    if (0xd800..0xdc00).contains(&unit) {
                        // A letter beyond the first 65,536 comes as two halves.
                        if letters.next()? != '\\' || letters.next()? != 'u' {
                            return None;
                        }
                        let low = hex4(&mut letters)?.checked_sub(0xdc00)?;
                        unit = 0x10000 + ((unit - 0xd800) << 10) + low;
                    }
                    text.push(char::from_u32(unit)?);
                }
                other => text.push(other),
            },
            letter => text.push(letter),
        }
    }
}

fn hex4(letters: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |number, _| Some(number * 16 + letters.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_in_json_are_unescaped() {
        let json =
            r#"{"target_directory":"wrong","x":1,"target_directory":"/a \"b\"\\c\u00e9\ud83e\uddf5/d","version":1}"#;
        assert_eq!(json_string(json, "target_directory").as_deref(), Some("/a \"b\"\\cé🧵/d"));
        assert_eq!(json_string(json, "nothing"), None);
        assert_eq!(json_string(r#"{"a":"cut"#, "a"), None);
        assert_eq!(json_string(r#"{"a":"\ud83e"}"#, "a"), None);
    }

    #[test]
    fn this_is_a_checkout() {
        let root = checkout().unwrap();
        assert!(root.is_absolute());
        let version = rust_version(&root).unwrap();
        assert!(version.starts_with("1."), "{version}");
    }
}
