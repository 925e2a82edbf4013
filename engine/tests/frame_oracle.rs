//! Random operations on random frames, and what DuckDB and pandas say they give: `oracle/frame.py` has asked them.

#[path = "common/frames.rs"]
mod frames;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use taskloom::dataframe::{How, Join, Keep, SortOptions, Strategy, concat, len};
use taskloom::polars::prelude::{
    AnyValue, Categories, Column, DataFrame as Rows, DataType, Expr, NULL, NamedFrom, PolarsResult, Series as Values,
    TimeUnit, when,
};
use taskloom::prelude::*;

const TABLE: &str = include_str!("oracle/frame.jsonl");

fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no text"));
    match text.strip_prefix('\u{1}') {
        Some(repeated) => repeated[..1].repeat(repeated[1..].parse().expect("a number")),
        None => text.to_owned(),
    }
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter().collect()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).into_iter().map(text).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    list(value).into_iter().map(|flag| flag == true).collect()
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number")) as usize
}

fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

const TIME: DataType = DataType::Datetime(TimeUnit::Microseconds, None);

fn column(name: &str, made: &Value) -> PolarsResult<Column> {
    let values = list(&made["values"]);
    let name = name.into();
    let whole = || values.iter().map(|value| value.as_i64()).collect::<Vec<_>>();
    let words = || values.iter().map(|value| value.as_str().map(|_| text(value))).collect::<Vec<_>>();
    Ok(match made["type"].as_str().expect("a type") {
        "i" => Values::new(name, whole()).into(),
        "f" => Values::new(name, values.iter().map(|value| float(value)).collect::<Vec<_>>()).into(),
        "s" | "c" => Values::new(name, words()).into(),
        "b" => Values::new(name, values.iter().map(|value| value.as_bool()).collect::<Vec<_>>()).into(),
        "t" => Values::new(name, whole()).cast(&TIME)?.into(),
        other => panic!("no type {other}"),
    })
}

/// A frame of the table, in its partitions. Categories are made in each partition, so that they differ.
fn frame(made: &Value, parts: &Value, as_categories: &[&str]) -> DataFrame {
    let columns = made.as_object().expect("columns");
    let columns: Vec<Column> = columns.iter().map(|(name, made)| column(name, made).expect("of its type")).collect();
    let whole = Rows::new(columns.first().map_or(0, Column::len), columns).expect("columns of a length");
    let mut start = 0;
    let parts = list(parts).into_iter().map(|length| {
        let mut part = whole.slice(start, size(length));
        start += size(length) as i64;
        for name in as_categories {
            let kind = DataType::from_categories(Categories::global());
            let column = part.column(name).and_then(|column| column.cast(&kind)).expect("texts");
            part.with_column(column).expect("the same length");
        }
        part
    });
    DataFrame::from_partitions(parts.collect()).expect("partitions of a kind")
}

/// A value of the table in an expression.
fn literal(kind: &Value, value: &Value) -> Expr {
    match kind.as_str() {
        Some("i") => lit(value.as_i64().expect("a number")),
        Some("f") => lit(float(value).expect("a number")),
        Some("s" | "c") => lit(text(value)),
        Some("b") => lit(value == true),
        _ => lit(value.as_i64().expect("a time")).cast(TIME),
    }
}

fn condition(step: &Value) -> Expr {
    let (column, value) = (col(text(&step["column"])), || literal(&step["type"], &step["value"]));
    match step["op"].as_str().expect("an operator") {
        "gt" => column.gt(value()),
        "lt" => column.lt(value()),
        "ge" => column.gt_eq(value()),
        "le" => column.lt_eq(value()),
        "eq" => column.eq(value()),
        "ne" => column.neq(value()),
        "null" => column.is_null(),
        "not_null" => column.is_not_null(),
        other => panic!("no operator {other}"),
    }
}

fn made_of(step: &Value) -> Expr {
    let (column, value) = (col(text(&step["column"])), || literal(&step["type"], &step["value"]));
    match step["how"].as_str().expect("a name") {
        "add" => column + value(),
        "mul" => column * value(),
        "half" => column / lit(2.0),
        "neg" => -column,
        "upper" => column.str().to_uppercase(),
        "length" => column.str().len_chars().cast(DataType::Int64),
        "hour" => column.dt().hour().cast(DataType::Int64),
        "month" => column.dt().month().cast(DataType::Int64),
        "day" => column.dt().truncate(lit("1d")),
        "is_null" => column.is_null(),
        "fill" => column.fill_null(value()),
        "when" => when(column.clone().gt(value())).then(column).otherwise(lit(NULL)),
        "text" => column.cast(DataType::String),
        other => panic!("no step {other}"),
    }
}

fn aggregate(wanted: &Value) -> Expr {
    let column = col(text(&wanted[1]));
    let whole = |counted: Expr| counted.cast(DataType::Int64);
    let made = match wanted[0].as_str().expect("a name") {
        "sum" => column.sum(),
        "trues" => whole(column.sum()),
        "mean" => column.mean(),
        "count" => whole(column.count()),
        "len" => whole(len()),
        "min" => column.min(),
        "max" => column.max(),
        "std" => column.std(1),
        "var" => column.var(1),
        "median" => column.median(),
        "n_unique" => whole(column.n_unique()),
        "first" => column.first(),
        "last" => column.last(),
        other => panic!("no aggregate {other}"),
    };
    made.alias(text(&wanted[2]))
}

fn stepped(frame: DataFrame, other: &dyn Fn() -> DataFrame, step: &Value) -> DataFrame {
    let names = || texts(&step["names"]);
    match step["kind"].as_str().expect("steps have kinds") {
        "filter" => frame.filter(condition(step)),
        "with" => frame.with_columns([made_of(step).alias(text(&step["name"]))]),
        "select" => frame.select(names()),
        "rename" => frame.rename([(text(&step["old"]).as_str(), text(&step["new"]).as_str())]),
        "dropna" => frame.dropna(names()),
        "unique" => frame.unique(),
        "distinct" => {
            let keep = if step["keep"] == "first" { Keep::First } else { Keep::Last };
            frame.drop_duplicates_with(names(), keep)
        }
        "concat" => concat([&frame, &frame]),
        "repartition" => frame.repartition(size(&step["n"])),
        "shuffle" => frame.shuffle(names(), size(&step["n"])),
        "sort" => {
            let options = SortOptions::default();
            let options = options.descending(flags(&step["descending"])).nulls_last(flags(&step["nulls_last"]));
            frame.sort_values_with(names(), options)
        }
        "groupby" => {
            let aggregates: Vec<Expr> = list(&step["aggregates"]).into_iter().map(aggregate).collect();
            frame.groupby(texts(&step["keys"])).agg(aggregates)
        }
        "join" => {
            let how = match step["how"].as_str().expect("a kind of join") {
                "inner" => How::Inner,
                "left" => How::Left,
                "outer" => How::Outer,
                "semi" => How::Semi,
                _ => How::Anti,
            };
            let strategy = match step["strategy"].as_str() {
                Some("shuffle") => Strategy::Shuffle,
                Some("broadcast") => Strategy::Broadcast,
                _ => Strategy::Auto,
            };
            let on = texts(&step["on"]);
            frame.join(&other().select(names()), on.clone(), on, Join::new(how).strategy(strategy))
        }
        other => panic!("no step {other}"),
    }
}

fn answer(case: &Value) -> Rows {
    let kinds = case["frame"].as_object().expect("columns");
    let categories: Vec<&str> =
        kinds.iter().filter(|(_, made)| made["type"] == "c").map(|(name, _)| name.as_str()).collect();
    let other = || frame(&case["other"], &case["other_parts"], &[]);
    let start = frame(&case["frame"], &case["parts"], &categories);
    let end = list(&case["steps"]).into_iter().fold(start, |frame, step| stepped(frame, &other, step));
    frames::everywhere(&end).unwrap_or_else(|error| panic!("{error}"))
}

/// A cell, as the table has it.
fn written(value: AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => value.into(),
        AnyValue::Float64(value) if value.is_nan() => "nan".into(),
        AnyValue::Float64(value) if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.into(),
        AnyValue::Float64(value) => value.into(),
        AnyValue::Datetime(value, ..) | AnyValue::Int64(value) => value.into(),
        value => match value.get_str() {
            Some(text) => text.into(),
            None => value.extract::<i64>().unwrap_or_else(|| panic!("a cell of {}", value.dtype())).into(),
        },
    }
}

/// Equal, but for the rounding of floats.
fn agree(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
        _ => match wanted.as_str() {
            Some(long) if long.starts_with('\u{1}') => found.as_str() == Some(text(wanted).as_str()),
            _ => found == wanted,
        },
    }
}

/// What is wrong, if anything.
fn differs(case: &Value, rows: &Rows) -> Option<String> {
    let gives = &case["gives"];
    let columns: Vec<String> = rows.get_column_names().iter().map(ToString::to_string).collect();
    let mut wanted_columns = texts(&gives["columns"]);
    let mut found_columns = columns.clone();
    wanted_columns.sort();
    found_columns.sort();
    if found_columns != wanted_columns {
        return Some(format!("columns {columns:?}"));
    }
    let columns = texts(&gives["columns"]);
    let found: Vec<Vec<Value>> = (0..rows.height())
        .map(|row| {
            let cell = |name: &String| written(rows.column(name).and_then(|column| column.get(row)).expect("a cell"));
            columns.iter().map(cell).collect()
        })
        .collect();
    let wanted: Vec<Vec<&Value>> = list(&gives["rows"]).into_iter().map(list).collect();
    let alike =
        |found: &[Value], wanted: &[&Value]| found.iter().zip(wanted).all(|(found, wanted)| agree(found, wanted));
    let mut left: Vec<&[&Value]> = wanted.iter().map(Vec::as_slice).collect();
    for row in &found {
        match left.iter().position(|wanted| alike(row, wanted)) {
            Some(place) => drop(left.swap_remove(place)),
            None => return Some(format!("a row {}", serde_json::json!(row))),
        }
    }
    if !left.is_empty() {
        return Some(format!("no row {}", serde_json::json!(left[0])));
    }
    let last = list(&case["steps"]).into_iter().next_back()?;
    if last["kind"] == "sort" {
        // Rows whose keys are equal are in no order.
        let keys: Vec<usize> = texts(&last["names"])
            .iter()
            .map(|key| columns.iter().position(|name| name == key).expect("a column"))
            .collect();
        let key = |row: &[Value], wanted: &[&Value]| keys.iter().all(|&key| agree(&row[key], wanted[key]));
        let place = found.iter().zip(&wanted).position(|(found, wanted)| !key(found, wanted));
        return place.map(|place| format!("another row at {place}"));
    }
    None
}

/// The cases that have failed, of all in a table.
fn wrong(table: &str) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).expect("the table is JSON");
        cases += 1;
        let outcome = catch_unwind(AssertUnwindSafe(|| answer(&case)));
        let said = |panic: &Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        };
        let problem = match (&outcome, case.get("raises")) {
            (Err(panic), Some(wanted)) => {
                let said = said(panic);
                (!said.contains(&text(wanted))).then(|| format!("the sentence {said}"))
            }
            (Err(panic), None) => Some(said(panic)),
            (Ok(rows), Some(_)) => Some(format!("{rows}")),
            (Ok(rows), None) => differs(&case, rows).map(|problem| format!("{problem} of\n{rows}")),
        };
        if let Some(problem) = problem {
            wrong.push(format!("{line}\n  gave {problem}"));
        }
    }
    (cases, wrong)
}

/// `TASKLOOM_ORACLE` may name a table with more cases.
#[test]
fn duckdb_and_pandas_say_the_same() {
    let more = std::env::var("TASKLOOM_ORACLE").ok().map(|path| std::fs::read_to_string(path).expect("a table"));
    let (cases, wrong) = wrong(more.as_deref().unwrap_or(TABLE));
    assert!(more.is_some() || cases >= 1000, "the table has {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} are other than DuckDB's:\n{}", wrong.len(), wrong.join("\n"));
}
