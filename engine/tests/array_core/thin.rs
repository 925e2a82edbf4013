//! Blocks that are thin along the axis that is folded, as the maps of single days are: one task folds several.

use taskloom::Array;
use taskloom::ndarray::{Array3, ArrayD, Axis, IxDyn, Zip};
use taskloom::{Scheduler, compute};

const DAYS: usize = 37;

fn days() -> Array3<f64> {
    Array3::from_shape_fn((DAYS, 80, 90), |(day, y, x)| {
        ((day * 7919 + y * 104_729 + x * 1_299_709) % 1009) as f64 * 0.25
    })
}

/// In memory, and as blocks of other tasks, one of them with rows in column-major order.
fn forms(chunks: (usize, usize, usize)) -> Vec<(&'static str, Array<f64>)> {
    let memory = Array::from_ndarray(days(), chunks);
    let turned = Array::from_ndarray(days().permuted_axes([0, 2, 1]), (chunks.0, chunks.2, chunks.1));
    let kept = memory.persist().unwrap();
    let transposed = turned.persist().unwrap().transpose([0, 2, 1]);
    let computed = memory.map_blocks(|block| block.to_owned());
    vec![("memory", memory), ("kept", kept), ("transposed", transposed), ("computed", computed)]
}

fn near(one: &ArrayD<f64>, other: &ArrayD<f64>) -> bool {
    one.shape() == other.shape() && Zip::from(one).and(other).all(|a, b| (a - b).abs() <= 1e-12 * b.abs().max(1.0))
}

#[test]
fn several_blocks_folded_by_one_task_give_what_one_does() {
    let plain = days().into_dyn();
    let mean = plain.mean_axis(Axis(0)).unwrap();
    let std = plain.std_axis(Axis(0), 0.0);
    let largest = plain.map_axis(Axis(0), |lane| lane.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let place = plain.map_axis(Axis(0), |lane| {
        let largest = lane.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        lane.iter().position(|&value| value == largest).unwrap() as u64
    });
    for chunks in [(1, 80, 90), (1, 80, 60), (2, 75, 90), (5, 80, 90), (36, 80, 90)] {
        for (form, x) in forms(chunks) {
            let what = format!("{form} in {chunks:?}");
            let (a, b, c, d) =
                compute!(x.mean_axis(0), x.std_axis(0), x.max_axis(0), x.argmax_axis(0)).expect("numbers do not fail");
            assert!(near(&a, &mean) && near(&b, &std), "{what}");
            assert_eq!((&c, &d), (&largest, &place), "{what}");
            // Alone, after other operations, and kept as an axis.
            assert_eq!(x.argmax_axis(0).compute().unwrap(), place, "{what}");
            let squares = ((&x - x.mean_axis(0)).square() + 1.0).sum_axis(taskloom::array::Axes::from(0).keepdims());
            let wanted = (std.mapv(|std| std * std * DAYS as f64 + DAYS as f64)).insert_axis(Axis(0));
            let squares = squares.compute().unwrap();
            assert!(Zip::from(&squares).and(&wanted).all(|a, b| (a - b).abs() < 1e-9 * b), "{what}");
            assert_eq!(squares.shape(), wanted.shape());
            // Over two axes, of which the last is folded within a block.
            assert!(near(&x.sum_axis([0, 2]).compute().unwrap(), &plain.sum_axis(Axis(2)).sum_axis(Axis(0))), "{what}");
        }
    }
}

#[test]
fn threads_do_not_change_them() {
    let x = Array::from_ndarray(days(), (1, 80, 60)).sqrt();
    let on = |threads| x.std_axis(0).compute_with(Scheduler::Threads(threads)).unwrap();
    assert_eq!(on(1), on(2));
    assert_eq!(on(2), on(4));
    assert_eq!(x.std_axis(0).compute_with(Scheduler::Sync).unwrap(), on(2));
}

#[test]
fn few_blocks_or_small_ones_stay_one_a_task() {
    let folds =
        |shape: (usize, usize), chunks: (usize, usize)| Array::<f64>::ones(shape, chunks).sum_axis(0).graph().len();
    assert_eq!(folds((20, 5000), (10, 5000)), 3, "two folds and what puts them together");
    assert_eq!(folds((64, 100), (1, 100)), 64 + 4 + 1);
    assert!(folds((64, 8192), (1, 8192)) < 20, "large and thin");
    assert_eq!(
        Array::<f64>::ones((64, 8192), (1, 8192)).sum_axis(0).compute().unwrap(),
        ArrayD::from_elem(IxDyn(&[8192]), 64.0)
    );
}
