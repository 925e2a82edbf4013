//! Generic code with the types that most cells use it with.
//!
//! This file is no module of the kernel. It is compiled at set-up, against the engine, into a shared library of its own;
//! rustc then takes from there what it would otherwise compile again with every cell: how a `Delayed<i64>` is made, kept,
//! computed, shown and dropped, what a plan of Polars is dropped by, and so on. (The engine's library cannot give any of
//! that to cells: at its level of optimisation rustc does not share what is generic.)
//!
//! Nothing here is ever called. A function is worth its place if what it uses is used by the cells of people.

#![allow(unused_variables, clippy::all)]

use std::collections::{BTreeMap, HashMap};

use taskloom::cell::store::VariableStore;
use taskloom::dataframe::{DataFrame, Series};
use taskloom::polars::prelude as pl;
use taskloom::prelude::{Array, Bag, Client, Delayed, Drawing, Future, MimeBundle, compute, delayed, s};
use taskloom::{Error, serde_json};

/// How variables get from cell to cell.
fn keep<T: 'static>(store: &mut VariableStore) {
    if store.check_variable::<T>("x") {
        let value = store.take_variable::<T>("x");
        store.put_variable("x", value);
    }
}

/// How values that last for one cell only come and go.
fn hold<T: Clone + 'static>(store: &mut VariableStore, value: &T) -> Vec<T> {
    keep::<T>(store);
    keep::<Vec<T>>(store);
    let mut values = vec![value.clone()];
    values.push(value.clone());
    values.extend([value.clone()]);
    let first = values.first().cloned();
    for value in &values {
        drop(value.clone());
    }
    for value in values.clone() {
        drop(value);
    }
    drop(first);
    drop(Some(values.clone()));
    values
}

fn one<T>(value: T) -> T {
    value
}

fn two<T>(value: T, _other: T) -> T {
    value
}

fn look<T: Clone>(value: &T) -> T {
    value.clone()
}

fn all<T: Clone>(values: &[T]) -> T {
    values[0].clone()
}

fn fallible<T>(value: T) -> Result<T, Error> {
    Ok(value)
}

macro_rules! values {
    ($($name:ident: $type:ty),* $(,)?) => { $(
        pub fn $name(store: &mut VariableStore, value: $type) -> Result<(), Error> {
            let values = hold(store, &value);
            taskloom::__show!(value);
            taskloom::__show!(values);
            println!("{value:?} {values:?}");
            let text = format!("{value:?}");

            let x = delayed!(one::<$type>(value.clone()));
            let y = delayed!(look::<$type>(&x));
            let z = delayed!(two::<$type>(x, y));
            let sure = delayed!(fallible::<$type>(z));
            let parts = hold(store, &z);
            let whole = delayed!(all::<$type>(&parts));
            taskloom::__show!(z);
            taskloom::__show!(parts);
            taskloom::__show!(z.visualize());
            taskloom::__show!(z.compute()?);
            let (first, second) = compute!(x, y)?;
            let (first, second, third) = compute!(x, y, z)?;
            drop(sure.compute()?);
            drop(whole.compute()?);

            let client = Client::new()?;
            let future: Future<$type> = client.submit(one::<$type>, (value.clone(),));
            let next = client.submit(two::<$type>, (&future, value.clone()));
            let futures = hold(store, &next);
            taskloom::__show!(future);
            taskloom::__show!(futures);
            drop(client.gather(&futures)?);
            drop(next.result()?);
            Ok(())
        }
    )* };
}

values! {
    integers: i64,
    small_integers: i32,
    sizes: usize,
    naturals: u64,
    numbers: f64,
    truths: bool,
    texts: String,
    many_integers: Vec<i64>,
    many_numbers: Vec<f64>,
    many_texts: Vec<String>,
    pairs: (String, i64),
    counts: HashMap<String, i64>,
    ordered: BTreeMap<String, f64>,
}

macro_rules! arrays {
    ($($name:ident: $type:ty, $number:expr;)*) => { $(
        pub fn $name(store: &mut VariableStore, x: Array<$type>) -> Result<(), Error> {
            let arrays = hold(store, &x);
            let y = &x + &x - &x * &x / $number;
            let y = (&x - x.mean_axis(0)) / x.std_axis(0) + x.sum_axis([0, 1]);
            let y = y.clone() - y + x.clone() * $number;
            taskloom::__show!(x);
            taskloom::__show!(x.mean());
            taskloom::__show!(x.sum().item()?);
            taskloom::__show!(x.visualize());
            taskloom::__show!(x.compute()?);
            println!("{:?} {:?}", x.min().item()?, x.max().item()?);
            let (first, second) = compute!(x.min(), x.max())?;
            let (first, second, third) = compute!(x.min(), x.max(), x.mean())?;
            let part = x.slice(s![0]).slice(s![..;2, 1..3]);
            let again = part.rechunk(1000).rechunk((100, 100)).persist()?;
            drop(Array::<$type>::ones((3, 4), "auto") + Array::<$type>::zeros((3, 4), (2, 2)));
            Ok(())
        }
    )* };
}

arrays! {
    doubles: f64, 2.0;
    floats: f32, 2.0;
}

pub fn random(store: &mut VariableStore) -> Result<(), Error> {
    let x = Array::<f64>::random((20, 20), 1000).seed(1).normal(10.0, 0.1);
    let y = Array::<f64>::random((20, 20), (10, 10)).seed(1).uniform(0.0, 1.0);
    let z = Array::<f64>::random(100, "auto").seed(1).uniform(0.0, 1.0);
    Ok(())
}

pub fn frames(store: &mut VariableStore, frame: DataFrame, series: Series) -> Result<(), Error> {
    use pl::{col, lit};
    hold(store, &frame);
    hold(store, &series);
    let some = frame.filter(col("x").gt(lit(0)));
    let some = some.select(["x", "y"]).select([col("x"), col("y")]);
    let some = some.with_columns([(col("x") + lit(1)).alias("z")]);
    let sums = some.groupby(["x"]).agg([col("y").sum(), col("y").mean()]);
    taskloom::__show!(frame);
    taskloom::__show!(series);
    taskloom::__show!(sums.head(5)?);
    taskloom::__show!(sums.compute()?);
    taskloom::__show!(sums.visualize());
    println!("{}", sums.explain());
    let (first, second) = compute!(frame, sums)?;
    Ok(())
}

pub fn polars(store: &mut VariableStore, frame: pl::DataFrame, series: pl::Series) -> Result<(), pl::PolarsError> {
    use pl::{IntoLazy, col, lit};
    hold(store, &frame);
    hold(store, &series);
    hold(store, &frame.clone().lazy());
    hold(store, &col("x"));
    let plan = frame.clone().lazy().filter(col("x").gt(lit(0)).and(col("y").eq(lit("a"))));
    let plan = plan.select([col("x"), col("y")]).with_columns([(col("x") * lit(2.0)).alias("z")]);
    let plan = plan.group_by([col("x")]).agg([col("y").sum(), col("y").mean()]);
    let plan = plan.sort(["x"], Default::default());
    taskloom::__show!(plan.clone().collect()?);
    taskloom::__show!(frame);
    taskloom::__show!(series);
    let made = pl::df!("a" => [1_i64, 2, 3], "b" => [1.0, 2.0, 4.0], "c" => ["x", "y", "z"])?;
    drop(made.column("a")?.clone());
    Ok(())
}

pub fn bags(store: &mut VariableStore, texts: Bag<String>, records: Bag<serde_json::Value>) -> Result<(), Error> {
    hold(store, &texts);
    hold(store, &records);
    taskloom::__show!(texts);
    taskloom::__show!(records);
    taskloom::__show!(texts.take(3)?);
    taskloom::__show!(records.take(3)?);
    taskloom::__show!(texts.count().compute()?);
    taskloom::__show!(texts.frequencies().topk(5).compute()?);
    Ok(())
}

pub fn forms(store: &mut VariableStore, drawing: Drawing, bundle: MimeBundle, number: Delayed<i64>) {
    keep::<Client>(store);
    hold(store, &bundle);
    taskloom::__show!(drawing);
    taskloom::__show!(bundle);
    taskloom::__show!(&number * 10 + 1 - number);
    taskloom::__show!("text");
}
