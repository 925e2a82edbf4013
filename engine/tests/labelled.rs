//! Labelled arrays: alignment by label, laziness, what they look like, and what mistakes say.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use taskloom::display::Show;
use taskloom::labelled::{Labels, align, concat, date_range};
use taskloom::prelude::*;

fn array(labels: &[i64], chunk: usize) -> DataArray {
    let values: Vec<f64> = labels.iter().map(|&label| label as f64 * 10.0).collect();
    DataArray::new(Array::from_vec(values, chunk), ["x"]).assign_coords("x", labels.to_vec())
}

fn by_label(array: &DataArray) -> BTreeMap<i64, f64> {
    let Labels::Integers(labels) = array.coord("x").labels() else { panic!("{array:?}") };
    labels.iter().copied().zip(array.compute().unwrap().iter().copied()).collect()
}

/// Some labels, each once, in any order.
fn labels() -> impl Strategy<Value = Vec<i64>> {
    proptest::sample::subsequence((0..12).collect::<Vec<i64>>(), 0..12).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn arithmetic_is_on_the_labels_that_both_have(one in labels(), two in labels(), chunks in (1..5usize, 1..5usize)) {
        let (left, right) = (array(&one, chunks.0), array(&two, chunks.1) + 1.0);
        let wanted: BTreeMap<i64, f64> =
            one.iter().filter(|label| two.contains(label)).map(|&label| (label, label as f64 * 20.0 + 1.0)).collect();
        prop_assert_eq!(&by_label(&(&left + &right)), &wanted);
        prop_assert_eq!(&by_label(&(&right + &left)), &wanted);
        // In the order of the left one.
        let order: Vec<i64> = one.iter().copied().filter(|label| two.contains(label)).collect();
        prop_assert!((&left + &right).coord("x").labels() == &Labels::from(order));
        let (left, right) = align(&left, &right);
        prop_assert_eq!(left.coord("x"), right.coord("x"));
    }

    #[test]
    fn dimensions_meet_by_name_whatever_their_order(rows in 1..5usize, columns in 1..5usize, chunk in 1..4usize) {
        let one = DataArray::new(Array::<f64>::arange(rows * columns, chunk).reshape((rows, columns)), ["y", "x"]);
        let other = DataArray::new(Array::<f64>::arange(columns, chunk), ["x"]);
        let sum = &one + &other;
        let turned = (&other + &one.transpose(["x", "y"])).transpose(["y", "x"]);
        prop_assert_eq!(sum.compute().unwrap(), turned.compute().unwrap());
        let outer = &DataArray::new(Array::<f64>::arange(rows, chunk), ["y"]) * &other;
        prop_assert_eq!(outer.dims(), ["y", "x"]);
        prop_assert_eq!(outer.isel("y", -1).isel("x", -1).item().unwrap(), ((rows - 1) * (columns - 1)) as f64);
    }

    #[test]
    fn parts_put_together_are_the_whole(len in 1..20usize, cut in 0..20usize, chunk in 1..5usize) {
        let whole = array(&(0..len as i64).collect::<Vec<_>>(), chunk);
        let cut = cut.min(len);
        let again = concat(&[whole.isel("x", ..cut), whole.isel("x", cut..)], "x");
        prop_assert_eq!(by_label(&again), by_label(&whole));
    }

    #[test]
    fn groups_are_the_same_however_the_array_is_cut(
        codes in proptest::collection::vec(0..6i64, 1..40),
        chunk in 1..9usize,
        columns in 1..4usize,
    ) {
        let len = codes.len();
        let data = Array::<f64>::arange(len * columns, usize::MAX).reshape((len, columns));
        let whole = DataArray::new(data, ["t", "x"]).assign_coords_along("kind", "t", codes.clone());
        let wanted = whole.groupby("kind").mean().compute().unwrap();
        let cut = whole.chunk([("t", chunk), ("x", 2)]).groupby("kind").mean();
        prop_assert_eq!(&cut.compute().unwrap(), &wanted);
        // With the groups along the last axis.
        let turned = whole.transpose(..).chunk([("t", chunk)]).groupby("kind").mean().transpose(..);
        prop_assert_eq!(&turned.compute().unwrap(), &wanted);
        for (group, label) in by_order(&codes).into_iter().enumerate() {
            let rows: Vec<f64> = (0..len).filter(|&row| codes[row] == label).map(|row| (row * columns) as f64).collect();
            let mean = rows.iter().sum::<f64>() / rows.len() as f64;
            prop_assert!((wanted[[group, 0]] - mean).abs() < 1e-9);
        }
    }
}

fn by_order(codes: &[i64]) -> Vec<i64> {
    let mut labels = codes.to_vec();
    labels.sort_unstable();
    labels.dedup();
    labels
}

fn daily(years: usize) -> DataArray<f32> {
    let days = years * 365 + years / 4;
    DataArray::new(Array::<f32>::zeros((days, 180, 360), (100, 90, 180)), ["time", "lat", "lon"])
        .assign_coords("time", date_range("1990-01-01", days, "D"))
        .with_name("t")
}

#[test]
fn a_climatology_of_thirty_years_has_few_tasks() {
    let t = daily(30);
    let blocks = t.data().npartitions();
    let months = t.groupby("time.month");
    // A block is folded once; what merges the states is few.
    assert!(months.mean().data().graph().len() < 3 * blocks);
    assert_eq!(months.mean().data().npartitions(), 4);
    // The deviations are in the chunks of the array.
    let anomaly = &months - &months.mean();
    assert_eq!(anomaly.data().chunks(), t.data().chunks());
    assert!(anomaly.data().graph().len() < 6 * blocks);
    let steps = t.resample("time", "MS").mean();
    assert_eq!(steps.shape(), [360, 180, 360]);
    assert!(steps.data().npartitions() <= blocks && steps.data().graph().len() < 5 * blocks);
    assert_eq!(t.groupby("time.dayofyear").mean().data().npartitions(), 4 * 4);
}

#[test]
fn selections_and_folds_run_nothing() {
    let fails = Array::<f64>::from_blocks((4, 4), (2, 2), |_, _| panic!("a block was computed"));
    let t = DataArray::new(fails, ["y", "x"]).assign_coords("x", [1, 2, 3, 4]);
    let mean = t.sel("x", 2..=4).groupby("x").mean().rolling("y", 2).mean().mean("y");
    assert_eq!(mean.shape(), [3]);
    assert!(mean.compute().unwrap_err().to_string().contains("a block was computed"));
}

/// The sentence with which an expression is refused.
fn refusal<T>(expression: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(expression)) {
        Ok(_) => panic!("it is not refused"),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[test]
fn mistakes_say_what_there_is() {
    let t = DataArray::new(Array::<f64>::ones((3, 4), 2), ["latitude", "time"])
        .assign_coords("latitude", [-30.0, 0.0, 30.0])
        .assign_coords("time", date_range("2000-01-30", 4, "D"));
    for (said, wanted) in [
        (refusal(|| t.mean("lattitude")), "`mean`: there is no dimension `lattitude`; did you mean `latitude`?"),
        (refusal(|| t.isel("time", 4)), "place 4 is outside `time`, which has length 4"),
        (refusal(|| t.sel("latitude", 29.0)), "no label 29; it goes from -30.0 to 30.0; the nearest is 30.0, which"),
        (refusal(|| t.sel("time", "2001")), "no label \"2001\"; it goes from 2000-01-30 to 2000-02-02"),
        (refusal(|| t.sel("time", 3)), "the labels of `time` are times, and 3 is none of them"),
        (refusal(|| t.sel("time", "soon")), "are times, and \"soon\" is none"),
        (refusal(|| t.groupby("time.mont")), "no part of times `mont`; did you mean `month`?"),
        (refusal(|| t.groupby("latitude.month")), "`latitude` has numbers, and only times have a month"),
        (refusal(|| t.resample("time", "fortnight")), "`fortnight` is no step of time"),
        (refusal(|| t.resample("latitude", "D")), "`latitude` has no times along it"),
        (refusal(|| t.rolling("time", 9)), "a window of 9 along `time`, which has length 4"),
        (refusal(|| t.coarsen([("time", 3)]).mean()), "3 does not divide the length of `time`, 4"),
        (refusal(|| t.transpose(["time"])), "(time) does not name all of (latitude, time) once"),
        (refusal(|| t.rename("time", "latitude")), "there is a `latitude` already"),
        (
            refusal(|| &t + &t.isel("time", ..2).drop_coord("time")),
            "`time` has length 4 in one array and 2 in the other",
        ),
        (
            refusal(|| &t + &t.assign_coords("latitude", ["a", "b", "c"])),
            "are numbers in one array and texts in the other",
        ),
        (refusal(|| t.assign_coords("time", [1, 2])), "2 labels `time` along `time`, which has length 4"),
        (
            refusal(|| DataArray::new(Array::<f64>::ones((2, 2), 1), ["x"])),
            "1 names of dimensions for an array of 2 axes",
        ),
        (refusal(|| Dataset::new().with("t", &t).array::<f64>("q")), "there is no array `q`; there is `t`"),
        (refusal(|| Dataset::new().with("t", &t).array::<i64>("t")), "`t` has elements of type f64, not i64"),
        (refusal(|| Dataset::new().with("t", &t).with("u", &t.isel("time", 1..))), "other labels `time`"),
    ] {
        assert!(said.contains(wanted), "{said}\n  is not: {wanted}");
    }
    assert!(t.try_sel("latitude", 1.0).is_err() && t.try_sel("latitude", 0.0).is_ok());
}

#[test]
fn what_it_looks_like() {
    let t = daily(1).with_attr("units", "K").assign_coords("run", ["first"]);
    let shown = t.show();
    let text = shown.get("text/plain").unwrap().to_owned();
    for part in [
        "<DataArray 't' (time: 365, lat: 180, lon: 360)> Size: 90.2 MiB",
        "Array<f32>(zeros, shape (365, 180, 360), chunks (100, 90, 180))",
        "  * time  (time)  time 2.85 KiB 1990-01-01 1990-01-02 1990-01-03 ... 1990-12-29 1990-12-30 1990-12-31",
        "    run           text 5 B 'first'",
        "    units:  K",
    ] {
        assert!(text.contains(part), "{text}\n  lacks {part}");
    }
    let html = shown.get("text/html").unwrap().to_owned();
    assert!(html.contains("<svg") && html.contains("<b>time</b>") && html.contains("1990-12-31"), "{html}");
    let ds = Dataset::new().with("t<", &t).with_attr("title", "a & b");
    let shown = ds.show();
    let text = shown.get("text/plain").unwrap().to_owned();
    assert!(
        text.contains("Dimensions: (time: 365, lat: 180, lon: 360)") && text.contains("t<  (time, lat, lon)"),
        "{text}"
    );
    let html = shown.get("text/html").unwrap().to_owned();
    assert!(html.contains("t&lt;") && html.contains("a &amp; b") && html.contains("<svg"), "{html}");
}

#[test]
fn plots_have_labels_on_their_axes() -> Result<(), Box<dyn std::error::Error>> {
    let t = DataArray::new(Array::<f64>::arange(12, 4).reshape((3, 4)), ["lat", "time"])
        .assign_coords("lat", [60.0, 0.0, -60.0])
        .assign_coords("time", date_range("2000-01-01", 4, "D"))
        .with_coord_attr("lat", "units", "degrees_north")
        .with_name("t");
    let line = t.sel("lat", 60.0).plot()?;
    let spec = line.spec()?.to_string();
    assert!(spec.contains("lat = 60.0") && spec.contains("temporal"), "{spec}");
    let map = t.plot()?.spec()?.to_string();
    assert!(map.contains("lat [degrees_north]") && map.contains("temporal"), "{map}");
    assert!(map.contains("90 + -60 * (datum.row + 0)"), "{map}");
    // The other way around it is the same picture: times go along x.
    assert_eq!(t.transpose(..).plot()?.svg()?, t.plot()?.svg()?);
    let error = t.expand_dims("run").plot().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("there are 3 (run, lat, time)"), "{error}");
    Ok(())
}
