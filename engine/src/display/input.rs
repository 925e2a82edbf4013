//! Asking the person at the keyboard, in a notebook or a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::events::{Event, emit, has_listener};

/// Asks for a line of text and waits for it. The line comes without its end.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] when there is nobody to ask: the front end does not take input, or standard input is
/// at its end.
///
/// ```no_run
/// use taskloom::prelude::*;
/// let name = input("Who are you? ")?;
/// println!("Hello, {name}");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn input(prompt: &str) -> io::Result<String> {
    ask(prompt, false)
}

/// As [`input`], but what is typed is not seen.
///
/// # Errors
/// Those of [`input`], and what the terminal says when it cannot hide what is typed.
pub fn password(prompt: &str) -> io::Result<String> {
    ask(prompt, true)
}

fn ask(prompt: &str, password: bool) -> io::Result<String> {
    let in_notebook = has_listener();
    // What was printed before belongs above the question.
    io::stdout().flush()?;
    let mut hidden = None;
    if in_notebook {
        emit(Event::Input { prompt: prompt.to_owned(), password });
    } else {
        print!("{prompt}");
        io::stdout().flush()?;
        if password && io::stdin().is_terminal() {
            hidden = Some(HiddenTyping::begin()?);
        }
    }
    let line = read_line(&mut io::stdin().lock(), in_notebook);
    if hidden.is_some() {
        // The end of the line was not echoed either.
        println!();
    }
    line
}

fn read_line(from: &mut impl BufRead, in_notebook: bool) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        let why = if in_notebook {
            "there is nobody to ask: this front end does not take input while a cell runs; put the value in the cell instead"
        } else {
            "there is nothing more to read: standard input is at its end"
        };
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
    }
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    Ok(line)
}

/// The terminal echoes nothing as long as this lives.
#[cfg(unix)]
struct HiddenTyping {
    before: libc::termios,
}

#[cfg(unix)]
impl HiddenTyping {
    fn begin() -> io::Result<Self> {
        let mut settings = std::mem::MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the pointer is to memory for one `termios`, which the call fills in when it succeeds.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, settings.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `tcgetattr` succeeded, so it is filled in.
        let before = unsafe { settings.assume_init() };
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: the pointer is to a whole `termios` that outlives the call.
        if unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, &silent) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(HiddenTyping { before })
    }
}

#[cfg(unix)]
impl Drop for HiddenTyping {
    fn drop(&mut self) {
        // SAFETY: the pointer is to a whole `termios` that outlives the call. Nobody is left to be told of a failure.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &self.before) };
    }
}

/// Elsewhere there is no such setting that we know of.
#[cfg(not(unix))]
struct HiddenTyping;

#[cfg(not(unix))]
impl HiddenTyping {
    fn begin() -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this terminal cannot hide what is typed"))
    }
}

#[cfg(test)]
mod tests {
    use super::read_line;

    #[test]
    fn a_line_comes_without_its_end() {
        let mut from = &b"one\r\n two \n\nlast"[..];
        let lines: Vec<_> = (0..4).map(|_| read_line(&mut from, true).unwrap()).collect();
        assert_eq!(lines, ["one", " two ", "", "last"]);
    }

    #[test]
    fn nobody_to_ask_is_an_error_that_says_so() {
        let error = read_line(&mut &b""[..], true).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("does not take input"), "{error}");
        assert!(read_line(&mut &b""[..], false).unwrap_err().to_string().contains("standard input"));
    }
}
