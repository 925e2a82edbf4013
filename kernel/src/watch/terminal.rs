//! The terminal of whoever works in an editor: single keys, a screen that is cleared, an end that leaves all as it was.

use std::io::{IsTerminal, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A key.
    Key(char),
    /// The end: Ctrl-C, or the terminal is gone.
    Leave,
}

/// How a terminal was before, to be put back at the end.
static BEFORE: Mutex<Option<libc::termios>> = Mutex::new(None);

/// Keys and signals, as they come.
pub struct Terminal {
    wishes: Receiver<Wish>,
    /// So that the channel stays open when standard input has ended.
    _keep: Sender<Wish>,
    /// Whether a person looks at it.
    pub is_terminal: bool,
}

impl Terminal {
    /// Takes keys without Enter, if this is a terminal. `leave` is called by the thread that learns of the end.
    ///
    /// # Errors
    /// A sentence, when signals cannot be waited for.
    pub fn open(leave: impl Fn() + Send + 'static) -> Result<Terminal, String> {
        let (sender, wishes) = mpsc::channel();
        let is_terminal = std::io::stdout().is_terminal();
        if std::io::stdin().is_terminal() {
            take_single_keys();
        }
        let keys = sender.clone();
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(1)) {
                if !byte[0].is_ascii_whitespace() && keys.send(Wish::Key(char::from(byte[0]))).is_err() {
                    return;
                }
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot wait for signals: {error}"))?;
        let signals = sender.clone();
        std::thread::spawn(move || {
            if runtime.block_on(an_end()).is_ok() {
                let _ = signals.send(Wish::Leave);
                leave();
            }
        });
        Ok(Terminal { wishes, _keep: sender, is_terminal })
    }

    /// The next wish, if one comes in time.
    pub fn wish(&self, within: Duration) -> Option<Wish> {
        match self.wishes.recv_timeout(within) {
            Ok(wish) => Some(wish),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Wish::Leave),
        }
    }

    /// Forgets keys that were pressed while nobody could do anything; says whether the end was among them.
    pub fn forget_keys(&self) -> bool {
        self.wishes.try_iter().any(|wish| wish == Wish::Leave)
    }

    /// An empty screen; elsewhere, an empty line.
    pub fn clear(&self) {
        self.write(if self.is_terminal { "\u{1b}[2J\u{1b}[3J\u{1b}[H" } else { "\n" });
    }

    /// Prints text; without its colours, where nobody would see them.
    pub fn print(&self, text: &str) {
        self.write(&if self.is_terminal { format!("{text}\n") } else { format!("{}\n", without_colours(text)) });
    }

    fn write(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        // Nobody looks, then.
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        put_back();
    }
}

async fn an_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut end, mut gone) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = end.recv() => {}
        _ = gone.recv() => {}
    }
    Ok(())
}

/// Keys come one by one and are not shown. Ctrl-C stays a signal.
fn take_single_keys() {
    let mut before = BEFORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // SAFETY: `termios` is plain data, which `tcgetattr` fills.
    let mut settings: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a value of ours.
    let status = unsafe { libc::tcgetattr(0, &raw mut settings) };
    if before.is_some() || status != 0 {
        return;
    }
    *before = Some(settings);
    settings.c_lflag &= !(libc::ICANON | libc::ECHO);
    // SAFETY: as above.
    unsafe { libc::tcsetattr(0, libc::TCSANOW, &raw const settings) };
}

/// Makes the terminal what it was.
pub fn put_back() {
    let mut before = BEFORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(settings) = before.take() {
        // SAFETY: the settings are those that `tcgetattr` gave.
        unsafe { libc::tcsetattr(0, libc::TCSANOW, &raw const settings) };
    }
}

/// A text without the codes that colour it.
pub fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, code)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = code.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &code[end + 1..]);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    #[test]
    fn colours_go() {
        assert_eq!(super::without_colours("\u{1b}[31m\u{1b}[1mError\u{1b}[0m: no"), "Error: no");
    }
}
