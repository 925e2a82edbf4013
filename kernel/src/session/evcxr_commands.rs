//! evcxr's own commands, `:name`, for people who come from there. Those that a magic does better never get here.

use std::process::Command;

use super::{Event, Failure, Session};

/// Commands that change how evcxr runs cargo or shows values, neither of which it does here, and what to use instead.
const MOOT: [(&str, &str); 16] = [
    (":timing", "`%%time` times a cell"),
    (":time_passes", "`%%time` times a cell"),
    (":types", "`%type EXPRESSION` and `%whos` show types"),
    (":fmt", "write `println!(\"{x:#?}\")` to choose how a value is shown"),
    (":efmt", "an error is shown by its Display form"),
    (":preserve_vars_on_panic", "variables outlive every failure"),
    (":offline", "crates that are compiled already are used without a network"),
    (":toolchain", "cells need the compiler that compiled the engine"),
    (":allow_static_linking", "the engine is always linked dynamically"),
    (":sccache", "crates are compiled once for all sessions"),
    (":cache", "crates are compiled once for all sessions"),
    (":clear_cache", "crates are compiled once for all sessions"),
    (":linker", "the compiler's own linker is the fastest here"),
    (":codegen_backend", "`%opt 0` compiles soonest"),
    (":build_env", "`%env NAME=value` sets a variable"),
    (":load_config", "`%run FILE.rs` runs a file of cells"),
];

impl Session {
    /// Does what one of evcxr's commands does.
    ///
    /// # Errors
    /// When there is no such command, or it has no meaning here.
    pub fn command(&mut self, line: &str) -> Result<(), Failure> {
        let name = line.split_whitespace().next().unwrap_or_default();
        if let Some((_, instead)) = MOOT.iter().find(|(moot, _)| *moot == name) {
            return Err(Failure::message(&format!("`{name}` has nothing to change in this kernel: {instead}")));
        }
        let text = match name {
            ":version" => format!("Taskloom {}, on evcxr\n", env!("CARGO_PKG_VERSION")),
            ":vars" => self.variables().iter().map(|(name, ty)| format!("{name}: {ty}\n")).collect(),
            ":last_compile_dir" => format!("{}\n", self.compiler.folder().display()),
            ":explain" => self.explain_last()?,
            ":last_error_json" => format!("{}\n", serde_json::Value::from(self.last_messages.clone())),
            ":restart" => {
                self.reset()?;
                "everything is forgotten\n".to_owned()
            }
            ":doc" => return Err(Failure::message("Shift+Tab, or `name?` as a line, shows what is known of a name")),
            ":internal_debug" => return Err(Failure::message("`:last_compile_dir` is where the generated code lies")),
            ":help" => {
                ":dep :show_deps :opt :env :type :clear :vars :explain :last_error_json :last_compile_dir :restart \
                        :version; %lsmagic lists what else there is\n"
                    .to_owned()
            }
            _ => return Err(Failure::message(&format!("there is no command `{name}`; %lsmagic lists the magics"))),
        };
        self.events.show(Event::Stream { name: "stdout".to_owned(), text });
        Ok(())
    }

    /// rustc's long explanation of the newest compile errors.
    fn explain_last(&self) -> Result<String, Failure> {
        let mut codes: Vec<&str> =
            self.last_messages.iter().filter_map(|message| message["code"]["code"].as_str()).collect();
        codes.retain(|code| code.starts_with('E'));
        codes.dedup();
        if codes.is_empty() {
            return Err(Failure::message("no cell has failed with an error of the compiler that has a number"));
        }
        let rustc = &self.compiler.installation().rustc;
        let explain = |code: &&str| Command::new(rustc).args(["--explain", code]).output();
        let outputs: Result<Vec<_>, _> = codes.iter().map(explain).collect();
        let outputs = outputs.map_err(|error| Failure::message(&format!("cannot run the compiler: {error}")))?;
        Ok(outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).collect())
    }
}
