//! Indexing, shapes, scans, windows and functions of blocks, in random compositions, against a plain evaluation.

#[path = "common/arrays.rs"]
mod arrays;
#[path = "common/everywhere.rs"]
mod everywhere;
#[path = "common/refused.rs"]
mod refused;

use arrays::{Case, Dice, axis_chunks, chunks, shape};
use everywhere::Everywhere;
use refused::refused;
use taskloom::array::{Array, Boundary, Chunking, Indexing, PadMode};
use taskloom::ndarray::{self, ArrayD, ArrayViewD, Axis, Dimension, IxDyn, Slice, s};

/// As many random cases of each kind of test; `TASKLOOM_CASES` says how many for a longer run.
fn cases() -> u64 {
    std::env::var("TASKLOOM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1500)
}

fn at(index: &IxDyn) -> Vec<usize> {
    index.slice().to_vec()
}

/// The elements whose indices a function of the new indices gives; nothing where a value fills.
fn gathered(
    plain: &ArrayD<i64>,
    shape: &[usize],
    fill: i64,
    from: impl Fn(&[usize]) -> Option<Vec<usize>>,
) -> ArrayD<i64> {
    ArrayD::from_shape_fn(IxDyn(shape), |index| from(&at(&index)).map_or(fill, |from| plain[IxDyn(&from)]))
}

/// The index of an axis of length `len` that stands at `place`, which may be outside, by a rule's letter.
fn beyond(rule: char, place: isize, len: usize) -> Option<usize> {
    let len = len as isize;
    if (0..len).contains(&place) {
        return Some(place as usize);
    }
    let index = match rule {
        'c' => return None,
        'e' => place.clamp(0, len - 1),
        'w' => place.rem_euclid(len),
        's' => {
            let place = place.rem_euclid(2 * len);
            if place < len { place } else { 2 * len - 1 - place }
        }
        _ if len == 1 => 0,
        _ => {
            let place = place.rem_euclid(2 * len - 2);
            if place < len { place } else { 2 * len - 2 - place }
        }
    };
    Some(index as usize)
}

/// Something of this part of the library; the case as it was where it cannot be.
fn some_operation(case: Case, dice: &mut Dice) -> Case {
    let (array, plain) = (case.array.clone(), case.plain.clone());
    let rank = plain.ndim();
    let shape = plain.shape().to_vec();
    let elements = plain.len();
    let axis = dice.below(rank.max(1));
    let len = shape.get(axis).copied().unwrap_or(0);
    let signed = if dice.chance(2) { axis as isize } else { axis as isize - rank as isize };
    match dice.below(20) {
        0 if rank > 0 && len > 0 => {
            let count = dice.below(2 * len + 3);
            let mut indices: Vec<isize> = (0..count).map(|_| dice.within(-(len as isize), len as isize - 1)).collect();
            if dice.chance(2) {
                indices.sort_by_key(|index| index.rem_euclid(len as isize));
            }
            let places: Vec<usize> = indices.iter().map(|index| index.rem_euclid(len as isize) as usize).collect();
            let chosen = plain.select(Axis(axis), &places);
            case.then(format!("take {indices:?} along {axis}"), array.take(indices, signed), chosen)
        }
        1 if rank > 0 => {
            let shift = dice.within(-2 * len as isize, 2 * len as isize + 1);
            let rolled = gathered(&plain, &shape, 0, |index| {
                let mut from = index.to_vec();
                from[axis] = (from[axis] as isize - shift).rem_euclid(len as isize) as usize;
                Some(from)
            });
            case.then(format!("roll {shift} along {axis}"), array.roll(shift, signed), rolled)
        }
        2 if elements <= 2000 && (elements > 0 || rank == 0) => {
            let rule = dice.one_of(&['c', 'e', 'w', 's', 'r']);
            let widths: Vec<(usize, usize)> =
                (0..rank).map(|_| (dice.one_of(&[0, 0, 1, 2, 5]), dice.one_of(&[0, 1, 3]))).collect();
            let wide: Vec<usize> =
                shape.iter().zip(&widths).map(|(len, (before, after))| before + len + after).collect();
            if wide.iter().product::<usize>() > 20_000 {
                return case;
            }
            let padded = gathered(&plain, &wide, 77, |index| {
                let places = index.iter().zip(&widths).zip(&shape);
                places.map(|((&at, &(before, _)), &len)| beyond(rule, at as isize - before as isize, len)).collect()
            });
            let mode = match rule {
                'c' => PadMode::Constant(77),
                'e' => PadMode::Edge,
                'w' => PadMode::Wrap,
                's' => PadMode::Symmetric,
                _ => PadMode::Reflect,
            };
            case.then(format!("pad {widths:?} by {rule}"), array.pad(widths, mode), padded)
        }
        3 if elements <= 500 => {
            let times: Vec<usize> = (0..dice.below(rank + 2)).map(|_| dice.one_of(&[0, 1, 1, 2, 2, 3])).collect();
            let long = rank.max(times.len());
            let full: Vec<usize> = std::iter::repeat_n(1, long - rank).chain(shape.iter().copied()).collect();
            let by: Vec<usize> = std::iter::repeat_n(1, long - times.len()).chain(times.iter().copied()).collect();
            let wide: Vec<usize> = full.iter().zip(&by).map(|(len, by)| len * by).collect();
            let tiled = gathered(&plain, &wide, 0, |index| {
                let places = index.iter().zip(&full).map(|(&at, &len)| at % len);
                Some(places.skip(long - rank).collect())
            });
            case.then(format!("tile {times:?}"), array.tile(&times), tiled)
        }
        4 if rank > 0 && elements <= 1000 => {
            let count = dice.below(4);
            let mut wide = shape.clone();
            wide[axis] *= count;
            let repeated = gathered(&plain, &wide, 0, |index| {
                let mut from = index.to_vec();
                from[axis] /= count;
                Some(from)
            });
            case.then(format!("repeat {count} along {axis}"), array.repeat(count, signed), repeated)
        }
        5 if rank > 0 && len > 0 => {
            let gone: Vec<usize> = (0..dice.below(len + 1)).map(|_| dice.below(len)).collect();
            let left: Vec<usize> = (0..len).filter(|at| !gone.contains(at)).collect();
            let kept = plain.select(Axis(axis), &left);
            case.then(format!("delete {gone:?} along {axis}"), array.delete(gone, signed), kept)
        }
        6 => {
            // The same elements in a random shape.
            let mut left = elements;
            let mut new = Vec::new();
            while left > 1 && dice.below(6) > 0 {
                let divisors: Vec<usize> = (1..=left).filter(|by| left.is_multiple_of(*by)).collect();
                let by = dice.one_of(&divisors);
                new.push(by);
                left /= by;
            }
            if left != 1 || dice.chance(4) {
                new.push(left);
            }
            let kept = dice.below(rank + 1);
            if dice.chance(2) && shape[..kept].iter().product::<usize>() > 0 {
                // The first axes as they are, the others as one.
                new = shape[..kept].to_vec();
                new.push(shape[kept..].iter().product());
            }
            let shaped = plain.as_standard_layout().into_owned().into_shape_with_order(IxDyn(&new)).expect("as many");
            case.then(format!("reshape {new:?}"), array.reshape(new), shaped)
        }
        7 if rank > 0 => {
            let to = dice.below(rank);
            let mut order: Vec<usize> = (0..rank).filter(|&other| other != axis).collect();
            order.insert(to, axis);
            let moved = plain.permuted_axes(IxDyn(&order));
            case.then(format!("moveaxis {axis} {to}"), array.moveaxis(signed, to as isize), moved)
        }
        8 if rank > 0 => {
            let times = dice.below(3);
            let mut differences = plain;
            for _ in 0..times {
                let len = differences.shape()[axis];
                let late = differences.slice_axis(Axis(axis), Slice::from(len.min(1)..)).to_owned();
                let early = differences.slice_axis(Axis(axis), Slice::from(..len.saturating_sub(1)));
                differences = ndarray::Zip::from(&late).and(&early).map_collect(|a, b| a.wrapping_sub(*b));
            }
            case.then(format!("diff {times} along {axis}"), array.diff(times, signed), differences)
        }
        9 if rank >= 2 => {
            let offset = dice.within(-6, 6);
            let lower = dice.chance(2);
            let mut side = plain;
            for (index, value) in side.indexed_iter_mut() {
                let index = at(&index);
                let place = index[rank - 1] as isize - index[rank - 2] as isize;
                if (lower && place > offset) || (!lower && place < offset) {
                    *value = 0;
                }
            }
            let array = if lower { array.tril(offset as i64) } else { array.triu(offset as i64) };
            case.then(format!("{} {offset}", if lower { "tril" } else { "triu" }), array, side)
        }
        10 if rank == 1 || rank == 2 => {
            let offset = dice.within(-5, 5);
            let beside = offset.unsigned_abs();
            let down = |at: usize| (at + (-offset).max(0) as usize, at + offset.max(0) as usize);
            let made = if rank == 1 {
                if len > 40 {
                    return case;
                }
                let mut square = ArrayD::zeros(IxDyn(&[len + beside, len + beside]));
                (0..len).for_each(|at| square[IxDyn(&[down(at).0, down(at).1])] = plain[at]);
                square
            } else {
                let on = (0..).map(down).take_while(|&(row, column)| row < shape[0] && column < shape[1]);
                ndarray::Array1::from_iter(on.map(|(row, column)| plain[[row, column]])).into_dyn()
            };
            case.then(format!("diag {offset}"), array.diag(offset), made)
        }
        11 if rank > 0 => {
            let sums = dice.chance(2);
            let mut scanned = plain;
            scanned.accumulate_axis_inplace(Axis(axis), |&before, value| {
                *value = if sums { before.wrapping_add(*value) } else { before.wrapping_mul(*value) };
            });
            let array = if sums { array.cumsum(signed) } else { array.cumprod(signed) };
            case.then(format!("{} along {axis}", if sums { "cumsum" } else { "cumprod" }), array, scanned)
        }
        12 if elements <= 1000 => window_sums(case, dice),
        13 => {
            let wide = array.map_blocks_with(|block, info| {
                let mut block = block.to_owned();
                for (index, value) in block.indexed_iter_mut() {
                    let place: usize = at(&index).iter().zip(&info.start).map(|(own, start)| 7 * (own + start)).sum();
                    *value = value.wrapping_add(place as i64);
                }
                assert_eq!(block.shape(), info.shape);
                block
            });
            let mut moved = plain;
            for (index, value) in moved.indexed_iter_mut() {
                *value = value.wrapping_add(7 * at(&index).iter().sum::<usize>() as i64);
            }
            case.then("map_blocks_with".into(), wide, moved)
        }
        14 => {
            // The first element of each chunk that has one.
            let cut = array.chunks();
            let ends: Vec<Vec<usize>> =
                cut.iter().map(|sizes| sizes.iter().map(|&size| size.min(1)).collect()).collect();
            let firsts: Vec<Vec<usize>> = (cut.iter())
                .map(|sizes| {
                    let starts =
                        sizes.iter().scan(0, |start, &size| Some((std::mem::replace(start, *start + size), size)));
                    starts.filter(|&(_, size)| size > 0).map(|(start, _)| start).collect()
                })
                .collect();
            let chosen = (0..rank).fold(plain, |chosen, axis| chosen.select(Axis(axis), &firsts[axis]));
            let first = |block: ArrayViewD<'_, i64>| {
                let mut block = block;
                block.slice_each_axis_inplace(|axis| Slice::from(..axis.len.min(1)));
                block.to_owned()
            };
            case.then("map_blocks_to firsts".into(), array.map_blocks_to(ends, move |block, _| first(block)), chosen)
        }
        15 if elements > 0 => {
            let factors: Vec<usize> = (0..rank).map(|_| dice.one_of(&[1, 1, 2, 3, 4])).collect();
            let coarse: Vec<usize> = shape.iter().zip(&factors).map(|(len, by)| len / by).collect();
            let mut sums = ArrayD::<i64>::zeros(IxDyn(&coarse));
            for (index, value) in plain.indexed_iter() {
                let to: Vec<usize> = at(&index).iter().zip(&factors).map(|(at, by)| at / by).collect();
                if to.iter().zip(&coarse).all(|(at, len)| at < len) {
                    let sum = &mut sums[IxDyn(&to)];
                    *sum = sum.wrapping_add(*value);
                }
            }
            case.then(format!("coarsen {factors:?}"), array.coarsen(Array::<i64>::sum_axis, factors, true), sums)
        }
        16 if rank > 0 => {
            let turned = array.apply_along_axis(signed, len, |lane| lane.iter().rev().map(|x| x ^ 5).collect());
            let mut plain = plain.mapv(|x| x ^ 5);
            plain.invert_axis(Axis(axis));
            case.then(format!("apply_along_axis {axis}"), turned, plain)
        }
        17 if rank > 0 => {
            let last =
                array.reduce_along_axis(signed, |lane| lane.iter().fold(1, |hash: i64, x| hash.wrapping_mul(3) ^ x));
            let plain = plain.map_axis(Axis(axis), |lane| lane.iter().fold(1, |hash: i64, x| hash.wrapping_mul(3) ^ x));
            case.then(format!("reduce_along_axis {axis}"), last, plain)
        }
        18 if rank >= 2 => {
            let core = &shape[rank - 2..];
            let turned = array.apply(2, [core[1], core[0]], |matrix| matrix.t().to_owned());
            let mut plain = plain;
            plain.swap_axes(rank - 2, rank - 1);
            case.then("apply: transposed".into(), turned, plain)
        }
        19 if rank > 0 && elements <= 1000 => {
            let mut other = shape.clone();
            other[axis] = dice.below(5);
            let other = Case::new(dice, &other);
            let both = ndarray::concatenate(Axis(axis), &[plain.view(), other.plain.view()]).expect("they fit");
            let joined = Array::concatenate(&[array, other.array], signed);
            case.then(format!("concatenate {:?} along {axis}", other.story), joined, both)
        }
        _ => case,
    }
}

/// Sums of a window around each element, with neighbours from other blocks.
fn window_sums(case: Case, dice: &mut Dice) -> Case {
    let shape = case.plain.shape().to_vec();
    let rank = shape.len();
    let depth: Vec<(usize, usize)> = (0..rank).map(|_| (dice.one_of(&[0, 1, 2, 4]), dice.one_of(&[0, 1, 3]))).collect();
    let rules: Vec<char> = (0..rank).map(|_| dice.one_of(&['n', 'c', 'd', 'e', 'w', 's'])).collect();
    let fill = |rule: char| if rule == 'c' { 11 } else { -4 };
    let boundaries = rules.iter().map(|&rule| match rule {
        'n' => Boundary::None,
        'e' => Boundary::Nearest,
        'w' => Boundary::Periodic,
        's' => Boundary::Reflect,
        _ => Boundary::Constant(fill(rule)),
    });
    let boundaries: Vec<Boundary<i64>> = boundaries.collect();
    let value = |place: &[isize]| -> Option<i64> {
        let mut from = Vec::new();
        let mut filled: Vec<char> = Vec::new();
        for (axis, &place) in place.iter().enumerate() {
            match rules[axis] {
                'n' if !(0..shape[axis] as isize).contains(&place) => return None,
                'n' => from.push(place as usize),
                'c' | 'd' => match beyond('c', place, shape[axis]) {
                    Some(index) => from.push(index),
                    None => filled.push(rules[axis]),
                },
                rule => from.push(beyond(rule, place, shape[axis]).expect("there are elements")),
            }
        }
        match filled.is_empty() {
            true => Some(case.plain[IxDyn(&from)]),
            // As if one axis were widened after the other.
            false => filled.last().map(|&rule| fill(rule)),
        }
    };
    let window: Vec<usize> = depth.iter().map(|(before, after)| before + after + 1).collect();
    let sums = ArrayD::from_shape_fn(IxDyn(&shape), |index| {
        let own = at(&index);
        ndarray::indices(IxDyn(&window)).into_iter().fold(0_i64, |sum, step| {
            let place: Vec<isize> =
                (0..rank).map(|axis| (own[axis] + step[axis]) as isize - depth[axis].0 as isize).collect();
            sum.wrapping_add(value(&place).unwrap_or(0))
        })
    });
    let (beside, lengths) = (depth.clone(), window.clone());
    let array = case.array.map_overlap(depth.clone(), boundaries, move |block| {
        ArrayD::from_shape_fn(block.raw_dim(), |index| {
            let own = at(&index);
            ndarray::indices(IxDyn(&lengths)).into_iter().fold(0_i64, |sum, step| {
                let place: Option<Vec<usize>> =
                    (0..own.len()).map(|axis| (own[axis] + step[axis]).checked_sub(beside[axis].0)).collect();
                sum.wrapping_add(place.and_then(|place| block.get(IxDyn(&place)).copied()).unwrap_or(0))
            })
        })
    });
    case.then(format!("map_overlap {depth:?} {rules:?}"), array, sums)
}

#[test]
fn random_compositions_are_what_they_are_of_whole_arrays() {
    for seed in 0..cases() {
        let dice = &mut Dice::new(seed);
        let shape = shape(dice, 4, 600);
        let mut case = Case::new(dice, &shape);
        for _ in 0..1 + dice.below(4) {
            case.story.push(format!("(seed {seed})"));
            case = match dice.chance(3) {
                true => case.some_core_operation(dice),
                false => some_operation(case, dice),
            };
            if case.plain.len() > 5000 {
                break;
            }
        }
        case.check();
    }
}

#[test]
fn masks_choose_what_they_choose_of_whole_arrays() {
    for seed in 0..cases() / 2 {
        let dice = &mut Dice::new(seed + 1_000_000);
        let shape = shape(dice, 4, 600);
        let mut case = Case::new(dice, &shape);
        for _ in 0..dice.below(3) {
            case = if dice.chance(2) { case.some_core_operation(dice) } else { some_operation(case, dice) };
        }
        if case.plain.len() > 3000 {
            continue;
        }
        let (rank, shape) = (case.plain.ndim(), case.plain.shape().to_vec());
        let low = dice.within(-6, 6) as i64;
        let cut = chunks(dice, &shape);
        let mask = case.array.gt(low).rechunk(cut);
        let chosen: Vec<i64> = case.plain.iter().copied().filter(|&x| x > low).collect();
        let mut selected = case.array.select(&mask);
        let mut plain = ndarray::Array1::from_vec(chosen).into_dyn();
        let mut story = format!("select > {low}");
        // Lengths that are unknown go on through what needs none.
        if dice.chance(2) {
            (selected, plain) = (&selected * 3 - 1, plain.mapv(|x| x.wrapping_mul(3).wrapping_sub(1)));
            story += ", times 3, less 1";
        }
        if dice.chance(2) {
            plain.accumulate_axis_inplace(Axis(0), |&before, x| *x = x.wrapping_add(before));
            (selected, story) = (selected.cumsum(0), story + ", cumsum");
        }
        if dice.chance(2) {
            let again = selected.gt(0);
            selected = selected.select(&again);
            plain = plain.iter().copied().filter(|&x| x > 0).collect::<ndarray::Array1<i64>>().into_dyn();
            story += ", select > 0";
        }
        if dice.chance(3) {
            let known = selected.compute_chunk_sizes().expect("it is computed");
            case.clone().then(story.clone() + ", sizes", known, plain.clone()).sliced(dice).check();
        }
        case.clone().then(story, selected, plain).check();

        let found: Vec<u64> = (case.plain.indexed_iter())
            .filter(|(_, x)| **x > low)
            .flat_map(|(index, _)| at(&index).into_iter().map(|index| index as u64).collect::<Vec<_>>())
            .collect();
        let rows = mask.argwhere().everywhere().expect("it is computed");
        assert_eq!(rows.iter().copied().collect::<Vec<_>>(), found, "{:#?}", case.story);
        for (axis, indices) in mask.nonzero().iter().enumerate() {
            let wanted: Vec<u64> = found.iter().copied().skip(axis).step_by(rank).collect();
            assert_eq!(indices.everywhere().expect("it is computed").iter().copied().collect::<Vec<_>>(), wanted);
        }
        if rank > 0 {
            let axis = dice.below(rank);
            let chosen: Vec<usize> = (0..shape[axis]).filter(|_| dice.chance(2)).collect();
            let mask = ndarray::Array1::from_shape_fn(shape[axis], |at| chosen.contains(&at));
            let mask = Array::from_ndarray(mask, vec![axis_chunks(dice, shape[axis])]);
            let rows = case.array.compress(&mask, axis as isize);
            let plain = case.plain.select(Axis(axis), &chosen);
            // Beside an axis of unknown length the others are known: they can be sliced, and meet other arrays.
            let other = (axis + 1) % rank;
            let (rows, plain) = match rank > 1 && dice.chance(2) {
                true => {
                    let row = Case::new(dice, &[shape[other]]);
                    let place = |array: Array<i64>| (other + 1..rank).fold(array, |array, _| array.expand_dims(-1));
                    let mut wide = row.plain.clone().into_dyn();
                    (other + 1..rank).for_each(|_| wide = wide.clone().insert_axis(Axis(wide.ndim())));
                    let mut sums = plain;
                    let wide = wide.broadcast(sums.raw_dim()).expect("it broadcasts").to_owned();
                    sums.zip_mut_with(&wide, |own, other| *own = own.wrapping_add(*other));
                    (rows + place(row.array), sums)
                }
                false => (rows, plain),
            };
            case.then(format!("compress {chosen:?} along {axis}"), rows, plain).check();
        }
    }
}

#[test]
fn known_chunks_meet_unknown_ones_at_their_own_places() {
    let x = Array::<i64>::arange(10, 4);
    let all = x.select(&x.ge(0));
    let y = Array::from_ndarray(ndarray::Array1::from_iter(0..10_i64), 4);
    let sums = (all.clone() + &y + Array::<i64>::arange(10, 4)).everywhere().expect("they fit");
    assert_eq!(sums, ndarray::Array1::from_iter((0..10).map(|x| 3 * x)).into_dyn());
    let even = x.select(&x.map_elements(|x| x % 2 == 0));
    let error = (even + y).everywhere().expect_err("they do not fit").to_string();
    assert!(error.contains("lengths 2 and 4") || error.contains("lengths 4 and 2"), "{error}");
}

#[test]
fn a_chunk_of_length_1_is_not_an_axis_of_length_1() {
    let known = |values: ndarray::Array1<i64>, chunks: &[usize]| {
        Array::from_ndarray(values, Chunking::Explicit(vec![chunks.to_vec()]))
    };
    let x = Array::<i64>::arange(6, 3);
    // Blocks of 3 and 3 elements, which nobody knows before.
    let unknown = x.select(&x.ge(0));
    let other = known(ndarray::array![10, 20, 30, 40], &[1, 3]);
    for other in [other.clone(), other.map_blocks(|block| block.to_owned())] {
        for sum in [&unknown + &other, &other + &unknown] {
            let said = sum.everywhere().expect_err("6 elements and 4").to_string();
            assert!(said.contains("do not fit together; their lengths were not known before"), "{said}");
        }
    }
    // Where the lengths are the same, or the axis has one element in all, they meet.
    let fitting = x.select(&x.map_elements(|x| x == 0 || x > 2)) + other;
    assert_eq!(fitting.everywhere().expect("1 and 3"), ndarray::array![10, 23, 34, 45].into_dyn());
    let all = unknown + known(ndarray::array![100], &[1]);
    assert_eq!(all.everywhere().expect("it broadcasts"), ndarray::Array1::from_iter(100..106).into_dyn());
}

#[test]
fn blocks_of_two_arrays_meet() {
    for seed in 0..cases() / 5 {
        let dice = &mut Dice::new(seed + 2_000_000);
        let [m, n, k] = [1 + dice.below(8), 1 + dice.below(8), 1 + dice.below(8)];
        let (left, right) = (Case::new(dice, &[m, k]), Case::new(dice, &[k, n]));
        let matrix =
            |array: ArrayViewD<'_, i64>| array.into_dimensionality::<ndarray::Ix2>().expect("a matrix").to_owned();
        let product = Array::blockwise("ij", (&left.array, "ik"), (&right.array, "kj"), move |x, y| {
            matrix(x).dot(&matrix(y)).into_dyn()
        });
        let plain = matrix(left.plain.view()).dot(&matrix(right.plain.view())).into_dyn();
        left.clone().then(format!("times {:?}", right.story), product, plain).check();

        let outer = left.array.apply_with(1, &left.array, 1, [k, k], |x, y| {
            ArrayD::from_shape_fn(IxDyn(&[x.len(), y.len()]), |index| x[index[0]].wrapping_mul(y[index[1]]))
        });
        let rows = &left.plain;
        let plain =
            ArrayD::from_shape_fn(IxDyn(&[m, k, k]), |at| rows[[at[0], at[1]]].wrapping_mul(rows[[at[0], at[2]]]));
        left.clone().then("outer products of rows".into(), outer, plain).check();

        let stacked = left.array.map_blocks_axes(&[1], &[(0, 2)], |block, _| {
            let sums = block.sum_axis(Axis(1));
            ndarray::stack(Axis(0), &[sums.view(), (&sums * 2).view()]).expect("they fit")
        });
        let sums = left.plain.sum_axis(Axis(1));
        let plain = ndarray::stack(Axis(0), &[sums.view(), (&sums * 2).view()]).expect("they fit");
        left.then("axes dropped and new".into(), stacked, plain).check();
    }
}

#[test]
fn arrays_in_blocks_and_grids_of_coordinates() {
    let dice = &mut Dice::new(5);
    for _ in 0..50 {
        let (rows, columns) = ([1 + dice.below(4), dice.below(4)], [1 + dice.below(4), dice.below(4)]);
        let cases: Vec<Vec<Case>> =
            rows.iter().map(|&m| columns.iter().map(|&n| Case::new(dice, &[m, n])).collect()).collect();
        let arrays: Vec<Vec<_>> = cases.iter().map(|row| row.iter().map(|case| case.array.clone()).collect()).collect();
        let lines: Vec<ArrayD<i64>> = (cases.iter())
            .map(|row| {
                ndarray::concatenate(Axis(1), &row.iter().map(|case| case.plain.view()).collect::<Vec<_>>())
                    .expect("fit")
            })
            .collect();
        let plain =
            ndarray::concatenate(Axis(0), &lines.iter().map(|line| line.view()).collect::<Vec<_>>()).expect("they fit");
        cases[0][0].clone().then("block".into(), Array::block(&arrays), plain).check();
    }
    let (x, y) = (Case::new(dice, &[3]), Case::new(dice, &[5]));
    let ij = Array::meshgrid(&[x.array.clone(), y.array.clone()], Indexing::Ij);
    let plain = ArrayD::from_shape_fn(IxDyn(&[3, 5]), |at| y.plain[at[1]]);
    x.clone().then("meshgrid ij".into(), ij[1].clone(), plain).check();
    let xy = Array::meshgrid(&[x.array.clone(), y.array], Indexing::Xy);
    let plain = ArrayD::from_shape_fn(IxDyn(&[5, 3]), |at| x.plain[at[1]]);
    x.then("meshgrid xy".into(), xy[0].clone(), plain).check();
}

#[test]
fn scans_pass_over_nans_and_keep_small_integers_whole() {
    let x = Array::from_vec(vec![1.0, f64::NAN, 2.0, 3.0, f64::NAN], 2);
    assert_eq!(x.nancumsum(0).everywhere().expect("it runs").as_slice(), Some(&[1.0, 1.0, 3.0, 6.0, 6.0][..]));
    assert_eq!(x.nancumprod(0).everywhere().expect("it runs").as_slice(), Some(&[1.0, 1.0, 2.0, 6.0, 6.0][..]));
    let sums = x.cumsum(0).everywhere().expect("it runs");
    assert!(sums[0] == 1.0 && sums.iter().skip(1).all(|sum| sum.is_nan()));
    let bytes = Array::<u8>::full((1000,), 255, 7).cumsum(0);
    assert_eq!(bytes.slice(s![-1]).item().expect("it runs"), 255_000_u64);
}

#[test]
fn rows_become_columns_with_few_tasks() {
    let rows = Array::<i64>::arange(1_000_000, 1_000_000).reshape((1000, 1000)).rechunk((1, 1000));
    let made = rows.map_blocks(|block| block.to_owned());
    let columns = made.rechunk((1000, 1));
    assert_eq!(columns.numblocks(), [1, 1000]);
    assert!(columns.graph().len() < 6000, "{} tasks", columns.graph().len());
    let sums = columns.sum_axis(0).everywhere().expect("it runs");
    assert!((0..1000).all(|at| sums[at] == 499_500_000 + 1000 * at as i64), "columns hold what they held");
}

#[test]
fn what_cannot_be_is_told_when_it_is_built() {
    let x = || Array::<i64>::ones((4, 6), 3);
    let unknown = || x().flatten().select(&x().flatten().gt(0));
    let told: Vec<(String, &str)> = vec![
        (refused(|| drop(x().take([0, 4], 0))), "`take`: index 4 is outside axis 0, which has length 4"),
        (refused(|| drop(x().take([isize::MIN], 0))), "is outside axis 0"),
        (refused(|| drop(x().take([0], 2))), "there is no axis 2"),
        (refused(|| drop(x().delete([-5], 0))), "`delete`: index -5"),
        (refused(|| drop(x().pad([1], PadMode::Edge))), "1 widths for 2 axes"),
        (refused(|| drop(Array::<i64>::zeros((0,), 1).pad(1, PadMode::Wrap))), "`pad` of no elements"),
        (refused(|| drop(x().squeeze_axis(0))), "axis 0 has length 4, not 1"),
        (refused(|| drop(x().reshape((5, 5)))), "24 elements cannot become 25 in (5, 5)"),
        (refused(|| drop(x().reshape((usize::MAX, 7)))), "24 elements cannot be put into (?, 7)"),
        (refused(|| drop(x().reshape((usize::MAX - 1, 7)))), "so large a shape"),
        (refused(|| drop(x().select(&Array::<bool>::ones((4, 5), 2)))), "a mask of shape (4, 5)"),
        (
            refused(|| drop(x().compress(&Array::<bool>::ones((5,), 2), 0))),
            "a mask of shape (5,) does not fit to axis 0",
        ),
        (refused(|| drop(unknown().take([0], 0))), "`compute_chunk_sizes()` finds out"),
        (refused(|| drop(unknown().roll(1, 0))), "`roll` needs to know"),
        (refused(|| drop(unknown().argmax())), "`argmax` needs to know"),
        (refused(|| drop(unknown().map_overlap(1, Boundary::None, |block| block.to_owned()))), "`map_overlap` needs"),
        (refused(|| drop(x().map_overlap([1], Boundary::None, |block| block.to_owned()))), "1 widths for 2 axes"),
        (refused(|| drop(x().map_overlap(1, [Boundary::None], |block| block.to_owned()))), "1 boundaries for 2 axes"),
        (refused(|| drop(x().map_blocks_to(vec![vec![1], vec![1]], |block, _| block.to_owned()))), "[1, 1] blocks"),
        (
            refused(|| drop(x().coarsen(Array::<i64>::sum_axis, [3, 2], false))),
            "3 does not divide the length of axis 0, 4",
        ),
        (refused(|| drop(x().coarsen(Array::<i64>::sum_axis, [0, 2], true))), "the factor of axis 0 is 0"),
        (refused(|| drop(x().flatten().tril(0))), "arrays of two axes"),
        (refused(|| drop(x().expand_dims(0).diag(0))), "not 3"),
        (
            refused(|| drop(Array::blockwise("ij", (&x(), "ik"), (&x(), "kj"), |x, _| x.to_owned()))),
            "the axis k has lengths 6 and 4",
        ),
        (
            refused(|| drop(Array::blockwise("iz", (&x(), "ik"), (&x(), "ik"), |x, _| x.to_owned()))),
            "the result has an axis z",
        ),
        (refused(|| drop(x().apply(3, [1], |part| part.to_owned()))), "the last 3 axes"),
        (refused(|| drop(Array::<i64>::block(&[]))), "there are no arrays"),
    ];
    for (said, wanted) in told {
        assert!(said.contains(wanted), "{said:?} does not tell {wanted:?}");
    }
}

#[test]
fn blocks_of_a_wrong_shape_fail_with_both_shapes() {
    let x = Array::<i64>::ones((4, 6), 3);
    let error = |array: Array<i64>| array.everywhere().expect_err("it fails").to_string();
    let first = |block: ArrayViewD<'_, i64>| block.slice_axis(Axis(0), Slice::from(..1)).to_owned();
    let said = error(x.map_overlap(1, Boundary::Reflect, first));
    assert!(said.contains("of shape (1, 5) for one of ("), "{said}");
    let said = error(x.map_blocks_to(vec![vec![2, 2], vec![3, 3]], move |block, _| first(block)));
    assert!(said.contains("(1, 3)") && said.contains("(2, 3) was said"), "{said}");
    let said = error(x.apply_along_axis(0, 2, |lane| lane.to_owned()));
    assert!(said.contains("length 4, and 2 was said"), "{said}");
    let said = error(x.apply(1, [2], |part| part.to_owned()));
    assert!(said.contains("shape (6,), and (2,) was said"), "{said}");
}
