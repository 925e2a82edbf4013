//! `%lsmagic`, `%magic`, and what to say of a magic that there is not.

use serde_json::json;

use super::arguments::Call;
use super::context::Context;
use super::{Magic, Magics, SUBJECTS, all, find};
use crate::html::escape;
use crate::session::Failure;

pub(super) const MAGICS: [Magic; 2] = [
    Magic {
        name: "%lsmagic",
        usage: "%lsmagic",
        summary: "Lists all magics by subject.",
        details: "",
        example: "%lsmagic",
        run: Magics::list,
    },
    Magic {
        name: "%magic",
        usage: "%magic [NAME]",
        summary: "Explains magics, or one of them.",
        details: "`NAME?` does the same, also for variables and functions.",
        example: "%magic %time",
        run: Magics::explain,
    },
];

/// What magics are, for those who have not met them.
pub const ABOUT: &str = "\
Magics are lines for the kernel between the lines of Rust.

%name      A magic for its line, or for a statement behind it. It can stand between any two statements of a cell.
%%name     A magic for the whole cell below it; it has to be the cell's first line.
!command   Runs in the shell, and shows what it prints. `!ready`, where `ready` is a name of your own, is Rust.
:name      One of evcxr's commands; `:help` lists them.
name?      Explains a magic, or shows what a variable or a function of yours is; `name??` shows its code too.

`%lsmagic` lists all magics. `%time?` explains %time, with an example.";

/// Magics that people know from IPython, or expect, and what there is for them here.
const ELSEWHERE: [(&[&str], &str); 27] = [
    (
        &["%pip", "%conda", "%mamba", "%micromamba", "%uv"],
        "those install Python packages; `%dep NAME` adds a Rust crate",
    ),
    (
        &["%matplotlib", "%pylab", "%gui"],
        "nothing has to be switched on: what a cell displays is shown, and plots with it",
    ),
    (
        &["%load_ext", "%reload_ext", "%unload_ext"],
        "there are no extensions here; a crate comes with `%dep NAME`, and %lsmagic lists the magics there are",
    ),
    (
        &["%autoreload", "%aimport"],
        "there is nothing to reload: run the cell with the new definition, or %run its file again",
    ),
    (
        &["%%cython", "%%numba", "%%fortran", "%%rust", "%%cpp"],
        "a cell is compiled Rust already; `%opt 3` optimises it most",
    ),
    (
        &["%debug", "%pdb", "%tb", "%xmode"],
        "there is no debugger here; `dbg!(value)` prints a value with its line, and %whos shows the variables",
    ),
    (
        &["%prun", "%lprun", "%mprun", "%memit", "%%prun", "%%memit"],
        "`%profile CODE` shows which task ran when; %time and %timeit measure",
    ),
    (&["%paste", "%cpaste"], "paste into a cell, and run it"),
    (&["%edit", "%ed"], "edit the cell; `%load FILE` puts a file into it, and `%%writefile FILE` writes it to one"),
    (&["%macro", "%recall", "%rep", "%rerun", "%r"], "define a function; `%load 3-5` puts earlier cells into this one"),
    (
        &["%store", "%save", "%notebook", "%logstart", "%logon"],
        "`%history -f FILE` writes the cells to a file; values are saved by your code, with serde for example",
    ),
    (&["%%capture"], "output cannot be caught; end the cell with a `;` so that its value is not shown"),
    (&["%%python", "%%python3", "%%py"], "run Python from the shell: `!python script.py`"),
    (
        &["%%script", "%sx", "%sc", "%system", "%%system", "%%!"],
        "`!command` runs a line in the shell and `%%bash` a script",
    ),
    (&["%bash", "%sh"], "`!command` runs a line in the shell; %%bash takes the cell below it"),
    (&["%%file"], "%%writefile writes the cell to a file"),
    (
        &["%cat", "%cp", "%mv", "%rm", "%mkdir", "%rmdir", "%head", "%tail", "%less", "%more", "%man", "%cut", "%grep"],
        "put a `!` in front, as in `!head FILE`: it runs in the shell",
    ),
    (&["%ll", "%dir", "%ldir", "%lf", "%lk", "%lx"], "`%ls -l` lists files"),
    (&["%pushd", "%popd", "%dirs", "%dhist", "%bookmark"], "`%cd -` goes back to the folder before"),
    (&["%hist"], "%history prints the cells that have been run"),
    (&["%set_env"], "`%env NAME=VALUE` sets a variable of the environment"),
    (&["%who_ls", "%psearch"], "%who lists the names of the variables and %whos more about them"),
    (&["%reset_selective", "%xdel", "%del"], "`drop(name);` forgets one variable, and `%reset -f` everything"),
    (
        &["%pinfo", "%pinfo2", "%pdoc", "%pdef", "%psource", "%pfile", "%quickref"],
        "`name?` explains a name, and `name??` shows its code",
    ),
    (&["%precision", "%pprint"], "a value is shown as its Debug form; `format!(\"{value:.3}\")` gives three digits"),
    (
        &["%alias", "%alias_magic", "%unalias", "%rehashx"],
        "there are no aliases; a shell command runs with a `!` in front",
    ),
    (&["%quit", "%exit"], "the kernel ends with Kernel → Shut Down Kernel"),
];

/// What to use in place of a magic that makes no sense here.
pub fn advice(name: &str) -> Option<&'static str> {
    let listed = |wanted: &str| ELSEWHERE.iter().find(|(names, _)| names.contains(&wanted)).map(|(_, advice)| *advice);
    listed(name)
}

/// What there is to say of a magic that there is not.
pub fn unknown(name: &str) -> String {
    let bare = name.trim_start_matches('%');
    let twin = if name.starts_with("%%") { format!("%{bare}") } else { format!("%%{bare}") };
    if let Some(magic) = find(&twin) {
        return format!("there is no magic `{name}`, but there is {}\nusage: {}", magic.name, magic.usage);
    }
    if let Some(advice) = advice(name).or_else(|| advice(&twin)) {
        return format!("there is no magic `{name}` here: {advice}");
    }
    match nearest(name, all().map(|magic| magic.name)) {
        Some(near) => format!("there is no magic `{name}`; did you mean {near}? %lsmagic lists them all"),
        None => format!("there is no magic `{name}`; %lsmagic lists them all"),
    }
}

/// The name that was probably meant.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + name.chars().filter(|c| c.is_alphanumeric()).count() / 4;
    // A `%` too many or too few is half a mistake.
    let distance = |other: &str| {
        let bare = |name: &str| name.trim_start_matches('%').to_owned();
        let marks = usize::from(name.starts_with("%%") != other.starts_with("%%"));
        2 * strsim::damerau_levenshtein(&bare(name), &bare(other)) + marks
    };
    names
        .map(|other| (distance(other), other))
        .filter(|(distance, _)| *distance <= 2 * most.min(3))
        .min()
        .map(|(_, other)| other)
}

impl Magics {
    fn list(&mut self, context: &mut Context, _: &Call) -> Result<(), Failure> {
        let width = all().map(|magic| magic.name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        let mut html = String::from("<table style=\"text-align:left\">");
        for (subject, magics) in SUBJECTS {
            text.push_str(&format!("{subject}\n"));
            html.push_str(&format!("<tr><th colspan=\"2\" style=\"text-align:left\">{}</th></tr>", escape(subject)));
            for magic in magics {
                let padding = " ".repeat(width - magic.name.chars().count());
                text.push_str(&format!("  {}{padding}  {}\n", magic.name, magic.summary));
                html.push_str(&format!(
                    "<tr><td style=\"text-align:left\"><code>{}</code></td><td style=\"text-align:left\">{}</td></tr>",
                    escape(magic.usage),
                    escape(magic.summary)
                ));
            }
        }
        html.push_str("</table>");
        text.push_str(
            "\n`%name?` explains one, with an example. `!command` runs in the shell; `:help` lists evcxr's commands.",
        );
        context.display([("text/plain", json!(text)), ("text/html", json!(html))]);
        Ok(())
    }

    fn explain(&mut self, context: &mut Context, call: &Call) -> Result<(), Failure> {
        self.inspect(context, &call.arguments, false)
    }

    /// Shows a text beside the notebook, where the page has a place for that.
    pub(super) fn page(&mut self, text: String) {
        self.payload.push(json!({"source": "page", "data": {"text/plain": text}, "start": 0}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_magic_names_the_nearest() {
        assert!(unknown("%chekc").contains("did you mean %check?"));
        assert!(unknown("%%tiem").contains("did you mean %%time?"));
        assert!(unknown("%hints").contains("did you mean %hint?"));
        assert!(!unknown("%frobnicate").contains("did you mean"));
        assert!(unknown("%writefile").contains("there is %%writefile\nusage: %%writefile [-a] FILE"));
        assert!(unknown("%%check").contains("but there is %check"));
    }

    #[test]
    fn magics_from_elsewhere_say_what_to_use() {
        assert!(unknown("%pip").contains("%dep"));
        assert!(unknown("%matplotlib").contains("switched on"));
        assert!(unknown("%%pip").contains("%dep"));
        for (names, advice) in ELSEWHERE {
            for name in names {
                assert!(find(name).is_none(), "{name} is there");
                assert!(!advice.ends_with('.'), "{advice}");
            }
        }
    }

    #[test]
    fn every_magic_is_explained() {
        for magic in all() {
            assert!(magic.usage.starts_with(magic.name), "{}", magic.name);
            assert!(magic.summary.ends_with('.') && !magic.example.is_empty(), "{}", magic.name);
            let starts_with = |line: &str| line.split_whitespace().next() == Some(magic.name);
            assert!(magic.example.lines().any(starts_with), "{} is not in its example", magic.name);
            assert_eq!(all().filter(|other| other.name == magic.name).count(), 1, "{} is there twice", magic.name);
        }
    }
}
