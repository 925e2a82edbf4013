//! Dataframes, for a person who knows pandas or Polars: how a [`DataFrame`](taskloom::DataFrame) says it.

use super::super::diagnostics::Diagnostic;
use super::arrays::{around, chain, inside, parts};
use super::{Facts, bare, is_number, piece, quoted};

/// What to write instead, if an error is about dataframes, their columns, or expressions over columns.
pub(super) fn explain(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    match diagnostic.code.as_deref()? {
        "E0608" => indexed(diagnostic),
        "E0609" | "E0615" => field(diagnostic),
        "E0369" | "E0600" => operator(diagnostic),
        "E0277" => unsatisfied(diagnostic),
        "E0308" => mismatched(diagnostic),
        "E0599" => method(diagnostic),
        "E0061" => arguments(diagnostic, facts),
        _ => None,
    }
}

/// The last part of a type's path: rustc names the same type in several ways.
fn last(ty: &str) -> &str {
    let ty = bare(ty);
    ty.rsplit("::").next().unwrap_or(ty)
}

fn is_polars(ty: &str) -> bool {
    bare(ty).contains("polars::")
}

fn is_frame(ty: &str) -> bool {
    last(ty) == "DataFrame" && !is_polars(ty)
}

fn is_series(ty: &str) -> bool {
    last(ty) == "Series" && !is_polars(ty)
}

/// The type that a message is about: the last one that it quotes.
fn subject_type(diagnostic: &Diagnostic) -> Option<&str> {
    quoted(&diagnostic.message).last().copied()
}

/// The expression before the dot or the bracket that the message is about.
fn before(diagnostic: &Diagnostic) -> Option<&str> {
    let (before, _) = around(diagnostic)?;
    let expression = chain(before.trim_end().trim_end_matches('.'));
    Some(if expression.is_empty() { "…" } else { piece(expression) })
}

/// The methods that compare, by the operators that Rust keeps for `bool`.
fn comparison(operator: &str) -> Option<&'static str> {
    Some(match operator {
        ">" => "gt",
        ">=" => "gt_eq",
        "<" => "lt",
        "<=" => "lt_eq",
        "==" => "eq",
        "!=" => "neq",
        _ => return None,
    })
}

/// The same for a lazy column, whose methods are named as pandas has them.
fn series_comparison(operator: &str) -> Option<&'static str> {
    Some(match operator {
        ">=" => "ge",
        "<=" => "le",
        "!=" => "ne",
        other => return comparison(other),
    })
}

/// `taxi["fare"]`, `taxi[["fare", "tip"]]`, `taxi[taxi["fare"] > 10]`
fn indexed(diagnostic: &Diagnostic) -> Option<String> {
    let ty = subject_type(diagnostic)?;
    let index = inside(diagnostic.subject())?;
    let frame = before(diagnostic)?;
    if is_series(ty) {
        return Some(format!(
            "A lazy column has no rows yet: `{frame}.head(5)?` computes the first ones, `{frame}.compute()?` all of them."
        ));
    }
    if last(ty) == "GroupBy" {
        return Some(format!(
            "What is wanted of each group goes into `agg`: `{frame}.agg([col({}).mean()])`.",
            piece(index.trim_matches(['[', ']']))
        ));
    }
    if !is_frame(ty) {
        return None;
    }
    if index.starts_with('[') {
        return Some(format!("Columns are chosen with `select`: `{frame}.select({})`.", piece(index)));
    }
    if is_text(index) {
        return Some(format!("A column is `{frame}.col({0})`; within an expression it is `col({0})`.", piece(index)));
    }
    Some(format!("Rows are chosen by an expression over columns: `{frame}.filter(col(\"…\").gt(0))`."))
}

fn is_text(source: &str) -> bool {
    source.trim().starts_with('"') && source.trim().ends_with('"')
}

/// `taxi.fare`, `taxi.iloc`
fn field(diagnostic: &Diagnostic) -> Option<String> {
    let words = quoted(&diagnostic.message);
    let (name, ty) = (*words.first()?, *words.last()?);
    if !is_frame(ty) {
        return None;
    }
    let frame = before(diagnostic)?;
    if diagnostic.code.as_deref() == Some("E0615") {
        return (name == "loc").then(|| {
            format!("`loc` is a method, of rows in the order of the index: `{frame}.loc(\"2019-03\"..\"2019-05\")`.")
        });
    }
    Some(match name {
        "iloc" | "ix" => format!(
            "Rows have no numbers across partitions: `{frame}.head(5)?` has the first, `{frame}.partitions(0..1)` a partition."
        ),
        "shape" => shape(frame),
        "T" | "values" | "index" => {
            format!("A dataframe has no `{name}`; `{frame}.compute()?` is a Polars DataFrame with all of it.")
        }
        column => format!("A column is `{frame}.col(\"{column}\")`; within an expression it is `col(\"{column}\")`."),
    })
}

/// The two sides of an operator as the labels under them have their source.
fn sides(diagnostic: &Diagnostic) -> Option<(&str, &str)> {
    let mut sides: Vec<_> = diagnostic.spans.iter().filter(|span| !span.primary && span.label.is_some()).collect();
    sides.sort_by_key(|span| span.start);
    Some((sides.first()?.text.as_str(), sides.get(1)?.text.as_str()))
}

/// `col("fare") > 10.0`, `!col("fare").is_null()`, `fare > 10.0`
fn operator(diagnostic: &Diagnostic) -> Option<String> {
    let ty = subject_type(diagnostic)?;
    let sign = diagnostic.subject();
    if diagnostic.code.as_deref() == Some("E0600") {
        let (sign, operand) = sign.split_at_checked(1)?;
        return match sign {
            "!" if last(ty) == "Expr" => {
                Some(format!("An expression is turned around by `not`: `{}.not()`.", piece(operand)))
            }
            "-" | "!" if is_frame(ty) => Some(whole_frame(operand)),
            _ => None,
        };
    }
    let (left, right) = sides(diagnostic)?;
    if last(ty) == "Expr" {
        let method = comparison(sign)?;
        let right = right.trim().strip_prefix("lit(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(right);
        return Some(format!(
            "An expression is compared by a method, because Rust keeps `{sign}` for values: `{}.{method}({})`.",
            piece(left),
            piece(right)
        ));
    }
    if is_series(ty) {
        let method = series_comparison(sign)?;
        return Some(format!(
            "A lazy column is compared by a method, because Rust keeps `{sign}` for values: `{}.{method}({})`.",
            piece(left),
            piece(right)
        ));
    }
    is_frame(ty).then(|| whole_frame(left))
}

fn whole_frame(frame: &str) -> String {
    format!(
        "A dataframe has columns of many types; arithmetic is done with some of them: \
         `{}.with_columns([(col(\"…\") + lit(1)).alias(\"…\")])`.",
        piece(frame)
    )
}

fn shape(frame: &str) -> String {
    format!("`{frame}.len()?` counts the rows, `{frame}.columns().len()` the columns.")
}

fn one_by_one(frame: &str) -> String {
    format!(
        "The rows of a lazy dataframe are not there to be gone over. Work on whole columns where you can; otherwise \
         `{frame}.compute()?` has them in memory, column by column."
    )
}

/// `for row in taxi`, `println!("{}", taxi)`
fn unsatisfied(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let words = quoted(message);
    if message.contains("is no expression over columns") {
        return written_otherwise(diagnostic.subject());
    }
    let subject = piece(diagnostic.subject());
    if message.contains("is not an iterator") && is_frame(words.first()?) {
        return Some(one_by_one(subject));
    }
    if message.contains("Display`") && is_frame(words.first()?) {
        return Some(format!(
            "A lazy dataframe has nothing to print but its columns, which `{{:?}}` prints; its first rows are `{subject}.head(5)?`."
        ));
    }
    if message.contains("Expressions` is not satisfied") && message.contains("Series") {
        return Some(
            "Columns are added by expressions, such as `(col(\"…\") * lit(2)).alias(\"…\")`; `assign` takes a lazy column with its name."
                .to_owned(),
        );
    }
    if message.contains("Aggregate: From<&str>") {
        let column = subject.trim_matches(['[', ']']);
        return Some(format!("An aggregation says what is to be done with a column: `[col({column}).mean()]`."));
    }
    None
}

/// What was expected and what was found, of a mismatch.
fn expected(label: &str) -> Option<(&str, &str)> {
    let words = quoted(label);
    let found = words.get(1).copied().or_else(|| Some(label.split_once(", found ")?.1))?;
    label.starts_with("expected").then_some((*words.first()?, found))
}

/// `taxi.filter("fare > 10")`, `col("fare") * 2`, a DataFrame of Polars for one of ours
fn mismatched(diagnostic: &Diagnostic) -> Option<String> {
    let label = diagnostic.label();
    let (wanted, found) = expected(label)?;
    let subject = diagnostic.subject();
    if last(wanted) == "DataFrame" && last(found) == "DataFrame" && is_polars(wanted) != is_polars(found) {
        return Some(if is_polars(wanted) {
            let lazy = subject.strip_suffix(".clone()").unwrap_or(subject);
            format!(
                "`{}` is Taskloom's lazy DataFrame; `{}.compute()?` is the Polars DataFrame with its rows.",
                piece(lazy),
                piece(lazy)
            )
        } else {
            format!(
                "`{0}` is a Polars DataFrame, which has its rows in memory; `DataFrame::from_polars({0}, 1)` is a lazy one of it.",
                piece(subject)
            )
        });
    }
    if last(wanted) == "bool" && last(found) == "Expr" {
        let method = if diagnostic.line().contains("||") { "or" } else { "and" };
        return Some(format!(
            "Rust keeps `&&` and `||` for values; conditions over columns are joined by a method: `{}.{method}(…)`.",
            piece(subject)
        ));
    }
    if last(wanted) != "Expr" {
        return None;
    }
    if is_series(found) {
        return Some(
            "Rows are chosen by an expression over the frame's columns, which begins with `col(\"…\")`, not with a lazy column."
                .to_owned(),
        );
    }
    if is_number(found) || found.starts_with("integer") || found.starts_with("floating") {
        return Some(format!("A number in an expression is written `lit({})`.", piece(subject)));
    }
    written_otherwise(subject).or_else(|| {
        is_text(subject)
            .then(|| format!("A text in an expression is `lit({0})`, a column is `col({0})`.", piece(subject)))
    })
}

/// A condition that is written as Python or Rust would have it for values.
fn written_otherwise(subject: &str) -> Option<String> {
    if is_text(subject) {
        let said = condition(subject.trim().trim_matches('"'))?;
        return Some(format!("A condition is an expression: `{said}`."));
    }
    let sign = ["==", "!="].into_iter().find(|sign| subject.contains(sign))?;
    let (left, right) = subject.split_once(sign)?;
    Some(format!(
        "`{sign}` between expressions is a `bool` at once; they are compared by a method: `{}.{}({})`.",
        piece(left),
        comparison(sign)?,
        value(right)
    ))
}

/// A value as it stands in an expression's method.
fn value(source: &str) -> String {
    let source = piece(source);
    let inside = source.strip_prefix("lit(").and_then(|rest| rest.strip_suffix(')'));
    let source = inside.filter(|inside| !is_text(inside)).unwrap_or(source);
    if is_text(source) { format!("lit({source})") } else { source.to_owned() }
}

/// A query as pandas has it, as an expression.
fn condition(query: &str) -> Option<String> {
    let sign = [">=", "<=", "==", "!=", ">", "<"].into_iter().find(|sign| query.contains(sign))?;
    let (column, wanted) = query.split_once(sign)?;
    let (column, wanted) = (column.trim(), wanted.trim());
    let quoted = wanted.trim_matches('\'');
    let wanted = if quoted == wanted { wanted.to_owned() } else { format!("lit(\"{quoted}\")") };
    Some(format!("col(\"{}\").{}({})", piece(column), comparison(sign)?, piece(&wanted)))
}

/// Methods that have another name here, and what to write.
fn renamed(method: &str, frame: &str, argument: &str) -> Option<String> {
    let list = |argument: &str| match argument {
        "" => "[\"…\"]".to_owned(),
        one if one.starts_with('[') => one.to_owned(),
        one => format!("[{one}]"),
    };
    Some(match method {
        "sort" | "sort_by" | "order_by" => format!("{frame}.sort_values({})", list(argument)),
        "group_by" => format!("{frame}.groupby({})", list(argument)),
        "with_column" | "mutate" => {
            format!("{frame}.with_columns([{}])", if argument.is_empty() { "…" } else { argument })
        }
        "merge" => format!("{frame}.join(&other, \"…\", \"…\", How::Inner)"),
        "collect" | "to_pandas" | "to_polars" => format!("{frame}.compute()?"),
        "height" | "nrows" | "n_rows" | "count_rows" | "num_rows" => format!("{frame}.len()?"),
        "width" | "ncols" => format!("{frame}.columns().len()"),
        "column" | "get_column" | "getitem" => {
            format!("{frame}.col({})", if argument.is_empty() { "\"…\"" } else { argument })
        }
        "query" | "where_" => format!("{frame}.filter({})", condition(argument.trim_matches('"'))?),
        "limit" | "slice" | "take" => format!("{frame}.head({})?", if argument.is_empty() { "5" } else { argument }),
        "unpivot" => format!("{frame}.melt(…)"),
        "pivot" => format!("{frame}.pivot_table(…)"),
        "drop_nulls" => format!("{frame}.dropna([\"…\"])"),
        "fill_null" => format!("{frame}.fillna({argument})"),
        "vstack" | "append" | "union" => {
            format!("concat(&[{frame}.clone(), {}])?", if argument.is_empty() { "…" } else { argument })
        }
        _ => return None,
    })
}

/// E0599.
fn method(diagnostic: &Diagnostic) -> Option<String> {
    let message = diagnostic.message.as_str();
    let method = diagnostic.subject();
    let (words, label) = (quoted(message), quoted(diagnostic.label()));
    let ty = words.iter().chain(&label).copied().find(|ty| is_frame(ty) || is_series(ty) || *ty == "Expr")?;
    if message.contains("associated") || ty.contains('<') {
        return None;
    }
    let frame = before(diagnostic)?;
    let (_, after) = around(diagnostic)?;
    let argument = inside(after).map_or("", piece);
    if ty == "Expr" {
        return matches!(method, "compute" | "collect" | "show" | "head").then(|| {
            format!("An expression has no rows of its own; a frame computes it: `frame.select([{frame}]).compute()?`.")
        });
    }
    if is_series(ty) {
        return match method {
            "to_vec" | "tolist" | "to_list" | "iter" | "into_iter" | "collect" | "values" => Some(format!(
                "The values of a lazy column come with `compute`, as a Polars Series: `{frame}.compute()?`."
            )),
            _ => None,
        };
    }
    match method {
        "iter" | "into_iter" | "iterrows" | "itertuples" | "rows" | "to_vec" | "for_each" => {
            return Some(one_by_one(frame));
        }
        "shape" => return Some(shape(frame)),
        "lazy" => return Some(format!("`{frame}` is lazy already: leave `.lazy()` away.")),
        "plot" | "hist" | "scatter" => {
            return Some(format!(
                "A picture is drawn by a function, of a computed column: `plot::hist({frame}.compute()?.column(\"…\")?)`."
            ));
        }
        "apply" | "map" | "map_rows" => {
            return Some(format!(
                "Work of your own gets whole partitions, each a Polars DataFrame: `{frame}.map_partitions(|part| …)`."
            ));
        }
        _ => {}
    }
    renamed(method, frame, argument).map(|code| format!("A dataframe has no `{method}`; it is `{code}`."))
}

/// E0061: `taxi.head()`, `taxi.select("a", "b")`, `taxi.join(&zones, "id")`, `groups.mean("tip")`
fn arguments(diagnostic: &Diagnostic, facts: &Facts) -> Option<String> {
    let method = diagnostic.subject();
    let (_, after) = around(diagnostic)?;
    let frame = before(diagnostic)?;
    let given = parts(inside(after)?);
    let given: Vec<&str> = given.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
    if method == "len" && frame == "…" {
        let value = *given.first()?;
        let is_frame = facts.type_of(value).is_some_and(is_frame);
        return is_frame.then(|| format!("The rows are counted by a method: `{value}.len()?`."));
    }
    Some(match method {
        "head" | "tail" if given.is_empty() => format!("Say how many rows: `{frame}.{method}(5)?`."),
        "select" | "drop" | "groupby" | "sort_values" | "dropna" | "drop_duplicates" | "unique"
            if given.len() > 1 && given.iter().all(|part| is_text(part)) =>
        {
            format!("Several columns go into brackets: `{frame}.{method}([{}])`.", piece(&given.join(", ")))
        }
        "select" | "with_columns" | "agg" if given.len() > 1 => {
            format!("Several expressions go into brackets: `{frame}.{method}([…, …])`.")
        }
        "sort_values" if given.len() == 2 && matches!(given[1], "true" | "false") => format!(
            "The other way round is asked for like this: `{frame}.sort_values_with({}, taskloom::dataframe::SortOptions::default().descending(true))`.",
            given[0]
        ),
        "rename" if given.len() == 2 => {
            format!("Pairs of old and new names: `{frame}.rename([({}, {})])`.", given[0], given[1])
        }
        "join" if (1..4).contains(&given.len()) => {
            let on = given.get(1).copied().unwrap_or("\"…\"");
            format!(
                "A join says the columns of both sides, and which rows to keep: `{frame}.join({}, {on}, {on}, How::Inner)`.",
                given[0]
            )
        }
        "sum" | "mean" | "min" | "max" | "count" | "std" | "var" | "median" | "nunique"
            if given.len() == 1 && is_text(given[0]) =>
        {
            format!(
                "Of one column: `{frame}.agg([col({0}).{method}()])` by groups, `….col({0}).{method}()` of all rows.",
                given[0]
            )
        }
        _ => return None,
    })
}
