//! What somebody may have meant who made a typing mistake.

/// The candidate whose text takes the fewest changes to become `wanted`, if those are few.
pub(crate) fn most_similar<'a, T>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a T>,
    text: impl Fn(&T) -> &str,
) -> Option<&'a T> {
    let wanted: Vec<char> = wanted.chars().collect();
    // One change in three characters: `flihgt` for `flight`, but never `y` for `x`.
    let mut most = wanted.len() / 3;
    let mut best = None;
    for candidate in candidates {
        if best.is_some() && most == 0 {
            break;
        }
        if let Some(changes) = changes(&wanted, text(candidate), most)
            && (best.is_none() || changes < most)
        {
            (best, most) = (Some(candidate), changes);
        }
    }
    best
}

/// Characters to insert, delete or exchange (Levenshtein's distance), two neighbours that changed places counted as one
/// (the optimal string alignment); `None` beyond `most`.
fn changes(wanted: &[char], candidate: &str, most: usize) -> Option<usize> {
    let found: Vec<char> = candidate.chars().collect();
    if most == 0 || wanted.len().abs_diff(found.len()) > most {
        return None;
    }
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=found.len()).collect();
    for (i, &w) in wanted.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &c) in found.iter().enumerate() {
            let mut cost = (last[j] + usize::from(w != c)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && w == found[j - 1] && wanted[i - 1] == c {
                let two_back: &Vec<usize> = &before;
                cost = cost.min(two_back[j - 1] + 1);
            }
            row.push(cost);
        }
        if row.iter().all(|&cost| cost > most) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|&cost| cost <= most)
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn typing_mistakes_are_few_changes() {
        let changes = |wanted: &str, found| changes(&wanted.chars().collect::<Vec<_>>(), found, 3);
        assert_eq!(changes("flights", "flights"), Some(0));
        assert_eq!(changes("flihgts", "flights"), Some(1));
        assert_eq!(changes("flight", "flights"), Some(1));
        assert_eq!(changes("fligths", "sights"), Some(3));
        assert_eq!(changes("flights", "x"), None);
        assert_eq!(changes("größe", "grösse"), Some(2));
    }
}
