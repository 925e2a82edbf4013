//! How much of what a cell prints is sent on.
//!
//! A browser that is sent everything a `loop { println!() }` prints dies of it, and a cell that has to wait for the
//! browser is slow. So text is never waited for and never kept without bound:
//!
//! - Texts that follow each other are joined; they go out every twentieth of a second.
//! - A cell may send [`Limits::burst`] at once and [`Limits::rate`] a second after that. What is more waits in a ring
//!   of [`Limits::ring`] bytes that keeps the newest. As soon as there is room again, a line says how much was left
//!   out, and the newest text follows it; so the beginning, samples in between and the end are always there.
//! - A cell that has sent [`Limits::plenty`] is slowed down to [`Limits::trickle`]: a loop that prints for hours fills
//!   no browser.
//!
//! The figures stay below those at which a Jupyter server stops forwarding (1 MB/s, over three seconds), and they are
//! what a page takes: JupyterLab renders the whole text of an output anew for each message that adds to it.

use std::collections::VecDeque;
use std::time::Instant;

/// The limits, in bytes and bytes a second.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// What a cell may send at once.
    pub burst: usize,
    /// What it may send after that, in a second.
    pub rate: usize,
    /// After so much the rate is `trickle`.
    pub plenty: usize,
    /// What it may send then, in a second.
    pub trickle: usize,
    /// How much of the newest text is kept when there is too much.
    pub ring: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { burst: 768 << 10, rate: 64 << 10, plenty: 896 << 10, trickle: 1 << 10, ring: 64 << 10 }
    }
}

/// What a message costs besides its text.
const MESSAGE: usize = 512;
/// Newest text goes out in pieces of at least so much, so that not every other line is about what was left out.
const PIECE: usize = 4 << 10;

/// A stream's name and a text on it.
pub type Piece = (String, String);

/// The text of one cell on its way out.
#[derive(Debug)]
pub struct Throttle {
    limits: Limits,
    allowance: f64,
    refilled: Instant,
    sent: usize,
    ready: Vec<Piece>,
    held: VecDeque<Piece>,
    held_bytes: usize,
    left_out: usize,
}

impl Throttle {
    /// A cell that has printed nothing.
    pub fn new(limits: Limits, now: Instant) -> Throttle {
        Throttle {
            limits,
            allowance: limits.burst as f64,
            refilled: now,
            sent: 0,
            ready: Vec::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            left_out: 0,
        }
    }

    /// Whether something waits.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.held.is_empty() && self.left_out == 0
    }

    /// Takes in a text.
    pub fn write(&mut self, name: &str, text: &str) {
        let mut text = text;
        if self.held.is_empty() && self.left_out == 0 {
            let joins = self.ready.last().is_some_and(|(last, _)| last == name);
            let cost = if joins { 0 } else { MESSAGE };
            let room = (self.allowance as usize).saturating_sub(cost);
            let fits = if text.len() <= room { text.len() } else { boundary(text, room) };
            if fits > 0 {
                self.allowance -= (cost + fits) as f64;
                self.sent += fits;
                join(&mut self.ready, name, &text[..fits]);
                text = &text[fits..];
            }
        }
        if text.is_empty() {
            return;
        }
        if text.len() > self.limits.ring {
            // Nothing before it can stay, nor all of it.
            let from = boundary_after(text, text.len() - self.limits.ring);
            self.left_out += self.held_bytes + from;
            self.held.clear();
            self.held_bytes = 0;
            text = &text[from..];
        }
        match self.held.back_mut() {
            Some((last, before)) if last == name && before.len() < self.limits.ring / 16 => before.push_str(text),
            _ => self.held.push_back((name.to_owned(), text.to_owned())),
        }
        self.held_bytes += text.len();
        // A piece costs memory besides its text.
        while self.held_bytes > self.limits.ring || self.held.len() > self.limits.ring / 64 {
            let Some((_, dropped)) = self.held.pop_front() else { break };
            self.held_bytes -= dropped.len();
            self.left_out += dropped.len();
        }
    }

    /// What may be sent now.
    pub fn take(&mut self, now: Instant) -> Vec<Piece> {
        let rate = if self.sent > self.limits.plenty { self.limits.trickle } else { self.limits.rate };
        let most = if self.sent > self.limits.plenty { PIECE * 2 } else { self.limits.burst };
        let refill = now.saturating_duration_since(self.refilled).as_secs_f64() * rate as f64;
        self.refilled = now;
        self.allowance = (self.allowance + refill).min(most.max(MESSAGE + PIECE) as f64);
        let room = (self.allowance as usize).saturating_sub(MESSAGE);
        if (!self.held.is_empty() || self.left_out > 0) && room >= PIECE.min(self.held_bytes) {
            self.release(room);
        }
        std::mem::take(&mut self.ready)
    }

    /// What is sent before something else is shown: nothing printed earlier may come after it.
    pub fn give_way(&mut self) -> Vec<Piece> {
        self.release((self.allowance as usize).max(PIECE));
        std::mem::take(&mut self.ready)
    }

    /// All that is left, at the end of the cell.
    pub fn finish(&mut self) -> Vec<Piece> {
        self.release(usize::MAX);
        std::mem::take(&mut self.ready)
    }

    /// Moves the newest of what is held to what is ready.
    fn release(&mut self, room: usize) {
        while self.held_bytes > room
            && let Some((name, text)) = self.held.pop_front()
        {
            self.held_bytes -= text.len();
            let excess = (self.held_bytes + text.len()).saturating_sub(room);
            let from = boundary_after(&text, excess);
            self.left_out += from;
            if from < text.len() {
                self.held_bytes += text.len() - from;
                self.held.push_front((name, text[from..].to_owned()));
                break;
            }
        }
        if self.left_out > 0 {
            // What follows begins with a line of its own.
            if let Some((_, first)) = self.held.front_mut()
                && let Some(end) = first.find('\n').filter(|&end| end < PIECE && end + 1 < first.len())
            {
                first.drain(..=end);
                self.left_out += end + 1;
                self.held_bytes -= end + 1;
            }
            let name = self.held.front().map_or("stdout", |(name, _)| name).to_owned();
            let note = format!("\n… {} of output left out …\n", amount(self.left_out));
            self.left_out = 0;
            join(&mut self.ready, &name, &note);
        }
        for (name, text) in self.held.drain(..) {
            self.allowance -= (MESSAGE + text.len()) as f64;
            self.sent += text.len();
            join(&mut self.ready, &name, &text);
        }
        self.allowance = self.allowance.max(0.0);
        self.held_bytes = 0;
    }
}

fn join(pieces: &mut Vec<Piece>, name: &str, text: &str) {
    match pieces.last_mut() {
        Some((last, before)) if last == name => before.push_str(text),
        _ => pieces.push((name.to_owned(), text.to_owned())),
    }
}

/// The last place not after `at` where a text can be cut.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The first place not before `at` where a text can be cut.
fn boundary_after(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

fn amount(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const SMALL: Limits = Limits { burst: 40_000, rate: 20_000, plenty: 100_000, trickle: 1_000, ring: 10_000 };

    fn text(pieces: &[Piece]) -> String {
        pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn what_little_is_printed_comes_whole_and_in_order() {
        let now = Instant::now();
        let mut throttle = Throttle::new(SMALL, now);
        for (name, text) in [("stdout", "a\n"), ("stdout", "b\n"), ("stderr", "c\n"), ("stdout", "d")] {
            throttle.write(name, text);
        }
        let pieces: Vec<Piece> =
            [("stdout", "a\nb\n"), ("stderr", "c\n"), ("stdout", "d")].map(|(a, b)| (a.into(), b.into())).into();
        assert_eq!(throttle.take(now), pieces);
        assert!(throttle.is_empty() && throttle.finish().is_empty());
    }

    #[test]
    fn a_flood_keeps_its_beginning_and_its_end_and_says_what_is_missing() {
        let now = Instant::now();
        let mut throttle = Throttle::new(SMALL, now);
        let lines: Vec<String> = (0..100_000).map(|n| format!("line {n}\n")).collect();
        for line in &lines {
            throttle.write("stdout", line);
        }
        let all = text(&throttle.finish());
        assert!(all.len() < 60_000);
        let (first, last) = all.split_once("\n… 1.").unwrap();
        assert!(lines.concat().starts_with(first) && first.len() > 30_000);
        let (note, last) = last.split_once('\n').unwrap();
        assert!(note.ends_with(" MB of output left out …"), "{note}");
        assert!(last.len() > 8_000 && last.starts_with("line "));
        assert!(lines.concat().ends_with(last));
    }

    #[test]
    fn an_endless_loop_trickles() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(SMALL, now);
        let mut sent = Vec::new();
        for _ in 0..600 {
            for _ in 0..1000 {
                throttle.write("stdout", "0123456789\n");
            }
            now += Duration::from_millis(50);
            sent.push(text(&throttle.take(now)).len());
        }
        let early: usize = sent[..20].iter().sum();
        assert!(early <= SMALL.burst + SMALL.rate + 200, "{early}");
        let late: usize = sent[400..].iter().sum();
        assert!((5_000..=20_000).contains(&late), "the rate is low, and never nothing: {late}");
        assert!(sent.iter().sum::<usize>() < SMALL.plenty + 2 * SMALL.burst);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_nothing_is_cut_inside_a_letter(
            texts in prop::collection::vec(("(stdout|stderr)", "[aé🦀\n]{0,3000}"), 0..60)
        ) {
            let now = Instant::now();
            let mut throttle = Throttle::new(SMALL, now);
            let mut shown = String::new();
            for (name, text) in &texts {
                throttle.write(name, text);
                prop_assert!(throttle.held_bytes <= SMALL.ring);
                prop_assert_eq!(throttle.held_bytes, throttle.held.iter().map(|(_, text)| text.len()).sum::<usize>());
                shown.extend(throttle.take(now).into_iter().map(|(_, text)| text));
            }
            shown.extend(throttle.finish().into_iter().map(|(_, text)| text));
            let printed: String = texts.iter().map(|(_, text)| text.as_str()).collect();
            if printed.len() < 9_000 {
                prop_assert_eq!(shown, printed);
            } else {
                prop_assert!(shown.len() <= printed.len() + 60 * 40);
            }
        }
    }
}
