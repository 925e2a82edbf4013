//! Fewer points than there are, chosen so that the picture stays the same.

/// The places of the points that are kept of a line, in order.
///
/// Where x never goes back, the line is cut into `buckets` equal stretches of x, which are narrower than a pixel column or
/// about as wide; otherwise into stretches with equally many points. Of each stretch its first and last point stay, the
/// points where y (and x, where it goes back) is smallest and largest, and one that is a gap. So every extreme and every
/// gap is still there.
pub(super) fn line(x: &[f64], y: &[f64], buckets: usize) -> Vec<usize> {
    let count = x.len();
    let forward = x.windows(2).all(|pair| pair[0] <= pair[1]);
    let (first, last) = (x.first().copied().unwrap_or(0.0), x.last().copied().unwrap_or(0.0));
    let span = last - first;
    let bucket = |place: usize| {
        if forward && span > 0.0 && span.is_finite() {
            ((x[place] - first) / span * buckets as f64) as usize
        } else {
            place * buckets / count
        }
    };
    let mut kept = Vec::new();
    let mut from = 0;
    while from < count {
        let here = bucket(from);
        let mut to = from + 1;
        while to < count && bucket(to) == here {
            to += 1;
        }
        let mut some = vec![from, to - 1];
        extremes(&y[from..to], from, &mut some);
        if !forward {
            extremes(&x[from..to], from, &mut some);
        }
        some.extend((from..to).find(|&place| y[place].is_nan() || x[place].is_nan()));
        some.sort_unstable();
        some.dedup();
        kept.append(&mut some);
        from = to;
    }
    kept
}

fn extremes(values: &[f64], offset: usize, kept: &mut Vec<usize>) {
    let order = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1);
    let numbers = || values.iter().enumerate().filter(|(_, value)| value.is_finite());
    kept.extend(numbers().min_by(order).map(|(place, _)| place + offset));
    kept.extend(numbers().max_by(order).map(|(place, _)| place + offset));
}

/// At most so many places of `count`, evenly spread.
pub(super) fn spread(count: usize, most: usize) -> Vec<usize> {
    if count <= most { (0..count).collect() } else { (0..most).map(|place| place * count / most).collect() }
}

/// Block means: a grid with at most so many rows and columns. Missing values do not count.
pub(super) fn blocks(grid: &super::Grid, most: usize) -> super::Grid {
    let (by_row, by_column) = (grid.rows.div_ceil(most).max(1), grid.columns.div_ceil(most).max(1));
    if by_row == 1 && by_column == 1 {
        return grid.clone();
    }
    let (rows, columns) = (grid.rows.div_ceil(by_row), grid.columns.div_ceil(by_column));
    let mut sums = vec![(0.0, 0_u32); rows * columns];
    for (place, &value) in grid.values.iter().enumerate() {
        if value.is_finite() {
            let (row, column) = (place / grid.columns, place % grid.columns);
            let sum = &mut sums[row / by_row * columns + column / by_column];
            *sum = (sum.0 + value, sum.1 + 1);
        }
    }
    let values = sums.into_iter().map(|(sum, count)| sum / f64::from(count)).collect();
    super::Grid { rows, columns, values }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plot::Grid;

    proptest! {
        #[test]
        fn extremes_ends_and_gaps_stay(
            steps in proptest::collection::vec((0.0..2.0f64, -100.0..100.0f64), 1..400),
            gap in 0usize..400,
            backwards in any::<bool>(),
        ) {
            let mut x: Vec<f64> = steps.iter().scan(0.0, |x, step| { *x += step.0; Some(*x) }).collect();
            if backwards { x.reverse(); }
            let mut y: Vec<f64> = steps.iter().map(|step| step.1).collect();
            if gap < y.len() { y[gap] = f64::NAN; }
            let kept = line(&x, &y, 20);
            prop_assert!(kept.is_sorted_by(|a, b| a < b));
            prop_assert!(kept.len() <= 21 * 7);
            prop_assert!(kept[0] == 0 && *kept.last().unwrap() == x.len() - 1);
            prop_assert_eq!(kept.iter().any(|&place| y[place].is_nan()), gap < y.len());
            let peak = |places: &mut dyn Iterator<Item = usize>| places.map(|place| y[place]).fold(f64::MIN, f64::max);
            prop_assert_eq!(peak(&mut kept.iter().copied()), peak(&mut (0..y.len())));
        }

        #[test]
        fn a_sample_is_spread_over_all(count in 0usize..5000, most in 1usize..100) {
            let places = spread(count, most);
            prop_assert_eq!(places.len(), count.min(most));
            prop_assert!(places.is_sorted_by(|a, b| a < b) && places.iter().all(|&place| place < count));
            let widest = places.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            prop_assert!(widest <= count / most + 1);
        }

        #[test]
        fn blocks_keep_the_mean_of_equal_blocks(rows in 1usize..5, columns in 1usize..5, factor in 1usize..4) {
            let values: Vec<f64> = (0..rows * columns * factor * factor).map(|v| v as f64).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let grid = Grid { rows: rows * factor, columns: columns * factor, values };
            let small = blocks(&grid, rows.max(columns).max(1));
            prop_assert!(small.rows <= rows.max(columns) && small.columns <= rows.max(columns));
            if rows == columns {
                prop_assert!((small.values.iter().sum::<f64>() / small.values.len() as f64 - mean).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_block_without_values_has_none() {
        let grid = Grid { rows: 2, columns: 2, values: vec![f64::NAN; 4] };
        assert!(blocks(&grid, 1).values[0].is_nan());
    }
}
