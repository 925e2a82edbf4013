//! For whoever sits in front of it: how far it is, and a table.

use std::fmt::Write as _;
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::Grades;
use super::files::exercises;

/// The widest column of names.
const WIDEST_NAME: usize = 32;

/// How far grading is. `times` are the seconds that each paper took that really ran; `running` side by side.
pub fn progress(done: usize, of: usize, times: &[f64], running: usize) -> String {
    let left = of.saturating_sub(done);
    let mut text = format!("{done} of {of} graded");
    if left > 0 && !times.is_empty() {
        let each = times.iter().sum::<f64>() / times.len() as f64;
        let seconds = each * left as f64 / running.max(1) as f64;
        let _ = write!(text, ", about {} left", rounded(Duration::from_secs_f64(seconds)));
    }
    text
}

/// As a person says it.
pub fn rounded(time: Duration) -> String {
    match time.as_secs() {
        0 => "a second".to_owned(),
        seconds @ 1..90 => format!("{seconds} s"),
        seconds @ 90..5400 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A line for each student, a column for each exercise.
pub fn table(grades: &Grades) -> String {
    let asked = exercises(grades.scores);
    let mut rows = vec![header(&asked)];
    for score in grades.scores {
        let mut row = vec![cut(&score.student)];
        for (id, _) in &asked {
            let own = score.exercises.iter().find(|exercise| exercise.exercise == *id);
            row.push(own.map_or("–".to_owned(), |own| own.points.to_string()));
        }
        row.push(format!("{}/{}", score.points(), score.of()));
        row.push(format!("{:.0} %", score.percent()));
        row.push(score.notes.first().map(|note| cut_to(note, 60)).unwrap_or_default());
        rows.push(row);
    }
    let columns = rows[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.width());
            // Names and notes to the left, numbers to the right.
            let cell =
                if column == 0 || column == columns - 1 { format!("{cell}{gap}") } else { format!("{gap}{cell}") };
            let _ = write!(line, "{}{cell}", if column == 0 { "" } else { "  " });
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for (number, (id, exercise)) in asked.iter().enumerate() {
        let _ = writeln!(text, "  {} = {id}, of {}", number + 1, exercise.of);
    }
    text
}

/// Names of exercises are long, so they have numbers here.
fn header(asked: &[(&str, &crate::grade::ExerciseScore)]) -> Vec<String> {
    let mut row = vec!["student".to_owned()];
    row.extend((1..=asked.len()).map(|number| number.to_string()));
    row.extend(["points".to_owned(), "".to_owned(), "".to_owned()]);
    row
}

fn cut(text: &str) -> String {
    cut_to(text, WIDEST_NAME)
}

fn cut_to(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confine::Protections;
    use crate::grade::score::tests::sample;

    #[test]
    fn the_time_left_comes_from_the_times_so_far() {
        assert_eq!(progress(0, 100, &[], 2), "0 of 100 graded");
        assert_eq!(progress(10, 100, &[8.0, 12.0], 2), "10 of 100 graded, about 8 min left");
        assert_eq!(progress(100, 100, &[1.0], 2), "100 of 100 graded");
        assert_eq!(rounded(Duration::from_secs(7300)), "2 h 1 min");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let mut scores = [sample("ada", &[(1, 3), (12, 12)]), sample("李雷", &[(0, 3)])];
        scores[1].notes = vec!["damaged".into()];
        let grades = Grades { title: "x", scores: &scores, protections: &Protections::default() };
        let expected = "student  1   2  points\nada      1  12   13/15  87 %\n李雷     0   –     0/3   0 %  damaged\n\
                        \u{20} 1 = exercise-0, of 3\n  2 = exercise-1, of 12\n";
        assert_eq!(table(&grades), expected);
    }
}
