//! Arrays of pairs, which are larger than what they are made of, folded along the short axis that pairs have.

use taskloom::Array;
use taskloom::ndarray::{Array2, ArrayD, Axis, IxDyn};

fn points(count: usize, coordinates: usize) -> Array2<f64> {
    Array2::from_shape_fn((count, coordinates), |(i, k)| ((i * 37 + k * 101) % 89) as f64 * 0.37 - 11.0)
}

/// The differences of all pairs, plainly.
fn differences(points: &Array2<f64>) -> ArrayD<f64> {
    let (count, coordinates) = points.dim();
    ArrayD::from_shape_fn(IxDyn(&[count, count, coordinates]), |at| points[[at[0], at[2]]] - points[[at[1], at[2]]])
}

#[test]
fn short_axes_are_folded_as_any_other() {
    for coordinates in [1, 2, 3, 5, 8, 9] {
        let points = points(23, coordinates);
        for chunk in [23, 10, 4] {
            // Cut along the short axis too.
            for width in [coordinates, 2] {
                let lazy = Array::from_ndarray(points.clone(), (chunk, width));
                let apart = lazy.expand_dims(1) - lazy.expand_dims(0);
                let plain = differences(&points);
                let near = |one: &ArrayD<f64>, other: &ArrayD<f64>| {
                    one.shape() == other.shape() && one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-9)
                };
                let squares = plain.mapv(|x| x * x).sum_axis(Axis(2));
                assert!(near(&apart.square().sum_axis(2).compute().unwrap(), &squares), "{coordinates}, {chunk}");
                let folded =
                    |function: fn(f64, f64) -> f64, first| plain.fold_axis(Axis(2), first, |&a, &b| function(a, b));
                assert_eq!(apart.max_axis(-1).compute().unwrap(), folded(f64::max, f64::NEG_INFINITY));
                assert_eq!(apart.min_axis(2).compute().unwrap(), folded(f64::min, f64::INFINITY));
                let product = folded(|a, b| a * b, 1.0);
                assert!(near(&(apart.prod_axis(2) * 1e-6).compute().unwrap(), &(product * 1e-6)));
                let kept = apart.square().sum_axis(taskloom::array::Axes::from(2).keepdims());
                assert!(near(&kept.compute().unwrap(), &squares.clone().insert_axis(Axis(2))));
                // The other axes are folded block by block, of the same expression.
                assert!(near(&apart.square().sum_axis(2).sum_axis(0).compute().unwrap(), &squares.sum_axis(Axis(0))));
            }
        }
    }
}

#[test]
fn squares_of_pairs_are_not_stored() {
    let points = Array::from_ndarray(points(40, 3), (10, 3));
    let squared = (points.expand_dims(1) - points.expand_dims(0)).square().sum_axis(2);
    let energy = squared.gt(0.0).where_(&squared.powi(-3), 0.0).sum();
    // Sixteen blocks of pairs in one pass each, and one task that puts them together.
    assert_eq!(energy.graph().len(), 17);
}

#[test]
fn extremes_of_pairs_see_nan() {
    let mut points = points(6, 3);
    points[[2, 1]] = f64::NAN;
    let lazy = Array::from_ndarray(points, (4, 3));
    let largest = (lazy.expand_dims(1) - lazy.expand_dims(0)).max_axis(2).compute().unwrap();
    assert!(largest.indexed_iter().all(|(at, value)| value.is_nan() == (at[0] == 2 || at[1] == 2)));
}

#[test]
fn folds_of_everything_read_memory_in_any_shape_of_chunks() {
    let values = ArrayD::from_shape_fn(IxDyn(&[7, 31, 53]), |at| ((at[0] * 1643 + at[1] * 53 + at[2]) % 977) as f64);
    for chunks in [(7, 31, 10), (3, 5, 7), (1, 1, 1), (7, 8, 52)] {
        let lazy = Array::from_ndarray(values.clone(), chunks);
        assert_eq!(lazy.sum().item().unwrap(), values.sum());
        assert_eq!(lazy.argmax().item().unwrap(), 976, "the first of several");
        let above = (&lazy + lazy.mean_axis(2).expand_dims(2)).gt(1000.0).count().item().unwrap();
        let means = values.mean_axis(Axis(2)).unwrap().insert_axis(Axis(2));
        assert_eq!(above, (&values + &means).iter().filter(|&&value| value > 1000.0).count() as u64);
    }
}
