//! What went wrong once, and what is said where an expression cannot be.

use ndarray::s;
use taskloom::Array;
use taskloom::array::Chunking;

use crate::refused::refused;

fn cut(lengths: &[&[usize]]) -> Chunking {
    lengths.iter().map(|lengths| lengths.to_vec()).collect::<Vec<_>>().into()
}

#[test]
fn empty_chunks_meet_nothing() {
    let one = Array::<i64>::ones((1,), cut(&[&[0, 1, 0]]));
    let some = Array::<i64>::arange(4, cut(&[&[2, 0, 2, 0]]));
    assert_eq!((&one + &some).sum().item().unwrap(), 10);
    assert_eq!(one.rechunk(1).compute().unwrap().sum(), 1);
    assert_eq!(some.map_blocks(|block| block.to_owned()).rechunk(cut(&[&[0, 1, 3, 0]])).sum().item().unwrap(), 6);
    let none = Array::<i64>::zeros((0, 3), (1, 2)).map_blocks(|block| block.to_owned());
    assert_eq!(none.rechunk((1, 1)).sum_axis(0).compute().unwrap().sum(), 0);
}

#[test]
fn shapes_that_no_memory_holds_are_refused_or_lazy() {
    let huge = Array::<u8>::zeros((usize::MAX / 8, 3), (1 << 60, 3));
    assert_eq!(huge.slice(s![5..7, 1]).compute().unwrap().len(), 2);
    for error in [
        huge.compute().unwrap_err(),
        huge.slice(s![..100_000_000_000_000_isize, 0]).compute().unwrap_err(),
        huge.map_blocks(|block| block.to_owned()).sum().compute().unwrap_err(),
    ] {
        assert!(error.to_string().contains("no such memory"), "{error}");
    }
    let wide = Array::<f64>::zeros((1_000_000,), 10);
    assert!(refused(|| wide.expand_dims(1) + wide.expand_dims(0)).contains("10,000,000,000 chunks"));
    for text in [
        refused(|| Array::<f64>::zeros((usize::MAX, 2), "auto").len()),
        refused(|| Array::<f64>::zeros((usize::MAX / 2, usize::MAX / 2, 2), "auto").reshape((4,))),
        refused(|| Array::<f64>::zeros((1_000_000_000_000,), 1)),
        refused(|| Array::<f64>::zeros((10_000_000, 10_000_000), 1)),
    ] {
        assert!(text.contains("elements") || text.contains("chunks"), "{text}");
    }
}

#[test]
fn what_cannot_be_is_refused_where_it_is_written() {
    let x = || Array::<f64>::ones((4, 3), 2);
    let empty = || Array::<f64>::ones((0, 3), 2);
    for (text, part) in [
        (refused(|| x() + Array::<f64>::ones((4,), 2)), "axis 1 has length 3 in one and 4 in the other"),
        (refused(|| x().slice(s![4, 0])), "index 4 is outside axis 0"),
        (refused(|| x().slice(s![.., .., 0])), "3 indices"),
        (refused(|| x().sum_axis(2)), "no axis 2"),
        (refused(|| x().sum_axis([0, -2])), "named twice"),
        (refused(|| empty().max()), "`max` of no elements"),
        (refused(|| empty().argmin_axis(0)), "`argmin` of no elements"),
        (refused(|| x().reshape((5,))), "12 elements cannot become 5"),
        (refused(|| x().reshape((5, usize::MAX))), "cannot be put into"),
        (refused(|| x().rechunk((2, 2, 2))), "3 lengths for 2 axes"),
        (refused(|| x().rechunk(0)), "at least one element"),
        (refused(|| x().transpose([0, 0])), "named twice"),
        (refused(|| x().expand_dims(4)), "no axis 4"),
        (
            refused(|| Array::concatenate(&[x(), x().t()], 0)),
            "but those of axis 0 have to be equal, and another array has shape (3, 4) (shape (4, 3))",
        ),
        (refused(|| Array::stack(&[x(), x().t()], 0)), "number 1 has (3, 4), not that of number 0 (shape (4, 3))"),
        (refused(|| Array::<f64>::stack(&[], 0)), "no arrays"),
        (refused(|| x().broadcast_to((2, 3), "auto")), "axis 0"),
        (refused(|| Array::<f64>::random((3,), 2).normal(0.0, -1.0)), "cannot be -1"),
        (refused(|| Array::<i64>::random((3,), 2).integers(3..3)), "no number in 3..3"),
    ] {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn max_of_an_axis_beside_an_empty_one_is_empty() {
    assert_eq!(Array::<f64>::ones((0, 3), 2).max_axis(1).shape(), [0]);
}
