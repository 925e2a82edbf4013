//! The numbered lines that say what is being done and how long it took.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Without a terminal, what goes on inside a step is said this often.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A passing note is cut to fit into one line of a common terminal.
const NOTE_WIDTH: usize = 76;

/// Writes the steps to stderr, where cargo and pip write too. Stdout is for results.
pub(crate) struct Steps {
    total: usize,
    number: usize,
    title: String,
    began: Instant,
    terminal: bool,
    /// The step's line was written without its end.
    line_open: bool,
    /// A passing note is on the terminal's last line.
    note_open: bool,
    last_note: Instant,
}

impl Steps {
    pub fn new(total: usize) -> Steps {
        let now = Instant::now();
        Steps {
            total,
            number: 0,
            title: String::new(),
            began: now,
            terminal: std::io::stderr().is_terminal(),
            line_open: false,
            note_open: false,
            last_note: now,
        }
    }

    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn start(&mut self, title: &str) {
        self.number += 1;
        self.title = title.to_owned();
        self.began = Instant::now();
        self.last_note = self.began;
        self.write(&format!("{} …", self.head()));
        self.line_open = true;
    }

    fn head(&self) -> String {
        format!("[{}/{}] {}", self.number, self.total, self.title)
    }

    /// A line that stays.
    pub fn say(&mut self, text: &str) {
        self.clear();
        self.write(&format!("      {text}\n"));
    }

    /// What is going on right now: on a terminal it passes by, elsewhere it is said twice a minute.
    pub fn note(&mut self, text: &str) {
        if self.terminal {
            if self.line_open {
                self.write("\n");
                self.line_open = false;
            }
            let text: String = text.chars().filter(|letter| !letter.is_control()).take(NOTE_WIDTH - 6).collect();
            self.write(&format!("\r\x1b[K      {text}"));
            self.note_open = true;
        } else if self.last_note.elapsed() >= HEARTBEAT {
            self.last_note = Instant::now();
            let time = duration(self.began.elapsed());
            self.say(&format!("{time}: {text}"));
        }
    }

    /// Leaves the cursor at the start of a line, for whoever writes next.
    pub fn clear(&mut self) {
        if self.note_open {
            self.write("\r\x1b[K");
        } else if self.line_open {
            self.write("\n");
        }
        self.note_open = false;
        self.line_open = false;
    }

    /// The step is done; its time is written behind it.
    pub fn done(&mut self) {
        let time = duration(self.began.elapsed());
        if self.line_open {
            self.write(&format!(" {time}\n"));
            self.line_open = false;
        } else {
            self.clear();
            self.write(&format!("{} … {time}\n", self.head()));
        }
    }

    fn write(&mut self, text: &str) {
        // Nobody can be told when stderr is gone.
        let mut stderr = std::io::stderr();
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }
}

/// "0.2 s", "12 s", "14 m 02 s", "1 h 04 m".
pub(crate) fn duration(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let seconds = (time.as_millis() + 500) / 1000;
    if tenths < 100 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if seconds < 60 {
        format!("{seconds} s")
    } else if seconds < 3600 {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let of = |seconds: f64| duration(Duration::from_secs_f64(seconds));
        assert_eq!(of(0.0), "0.0 s");
        assert_eq!(of(0.24), "0.2 s");
        assert_eq!(of(9.96), "10 s");
        assert_eq!(of(12.3), "12 s");
        assert_eq!(of(59.7), "1 m 00 s");
        assert_eq!(of(842.0), "14 m 02 s");
        assert_eq!(of(3840.0), "1 h 04 m");
    }
}
