//! The types of arrays in memory, by the names that people know.

/// `ArrayBase<OwnedRepr<f64>, Dim<IxDynImpl>, f64>` is what everybody calls `ArrayD<f64>`.
pub(super) fn by_their_names(text: &str) -> String {
    const BASE: &str = "ArrayBase<";
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BASE) {
        named.push_str(before);
        match arguments(after).and_then(|(arguments, end)| Some((name(&arguments)?, end))) {
            Some((name, end)) => {
                named.push_str(&name);
                rest = &after[end..];
            }
            None => {
                named.push_str(BASE);
                rest = after;
            }
        }
    }
    named.push_str(rest);
    let mut text = named.replace("Dim<IxDynImpl>", "IxDyn");
    for rank in 0..=6 {
        text = text.replace(&format!("Dim<[usize; {rank}]>"), &format!("Ix{rank}"));
    }
    text
}

/// What stands between `<` and the `>` that closes it, at its commas, and the length of it all.
fn arguments(text: &str) -> Option<(Vec<&str>, usize)> {
    let (mut depth, mut from, mut all) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if depth == 0 => {
                all.push(text[from..at].trim());
                return Some((all, at + 1));
            }
            '>' | ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                all.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn name(arguments: &[&str]) -> Option<String> {
    let (storage, dimension) = (arguments.first()?, arguments.get(1)?);
    let (storage, element) = storage.strip_suffix('>')?.split_once('<')?;
    let kind = match (storage, element.starts_with('&') && element.contains("mut ")) {
        ("OwnedRepr", _) => "Array",
        ("ViewRepr", false) => "ArrayView",
        ("ViewRepr", true) => "ArrayViewMut",
        ("OwnedArcRepr", _) => "ArcArray",
        _ => return None,
    };
    let element = element.strip_prefix('&').unwrap_or(element);
    let element = element.split_once(' ').filter(|(life, _)| life.starts_with('\'')).map_or(element, |(_, rest)| rest);
    let element = element.strip_prefix("mut ").unwrap_or(element);
    let inner = dimension.strip_prefix("Dim<")?.strip_suffix('>')?;
    let rank = match inner {
        "IxDynImpl" => "D",
        fixed => fixed.strip_prefix("[usize; ")?.strip_suffix(']')?,
    };
    Some(match kind {
        "ArcArray" if rank == "D" => format!("ArcArray<{element}, IxDyn>"),
        kind => format!("{kind}{rank}<{element}>"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_in_memory_have_their_usual_names() {
        let said = |text: &str| by_their_names(text);
        assert_eq!(said("`ArrayBase<OwnedRepr<f64>, Dim<IxDynImpl>, f64>` as `f64`"), "`ArrayD<f64>` as `f64`");
        assert_eq!(said("`&ArrayBase<OwnedRepr<i64>, Dim<[usize; 2]>>`"), "`&Array2<i64>`");
        assert_eq!(
            said("`ArrayBase<ViewRepr<&'a Complex<f64>>, Dim<[usize; 1]>, Complex<f64>>`"),
            "`ArrayView1<Complex<f64>>`"
        );
        assert_eq!(said("`ArrayBase<ViewRepr<&mut f64>, Dim<IxDynImpl>, f64>`"), "`ArrayViewMutD<f64>`");
        assert_eq!(said("`NdIndex<Dim<IxDynImpl>>`"), "`NdIndex<IxDyn>`");
        assert_eq!(said("`ArrayBase<S, D, A>`, é `ArrayBase<`"), "`ArrayBase<S, D, A>`, é `ArrayBase<`");
    }
}
