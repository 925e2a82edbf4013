use taskloom::polars::prelude as pl;

/// The statistic of these partitions.
fn of_partitions(
    aggregation: &taskloom::dataframe::Aggregation,
    parts: &[Vec<Option<f64>>],
) -> std::result::Result<f64, taskloom::BoxError> {
    let parts = parts.iter().map(|values| pl::df!("x" => values)).collect::<pl::PolarsResult<Vec<_>>>()?;
    let frame = taskloom::DataFrame::from_partitions(parts)?;
    let row = frame.agg([aggregation.on(pl::col("x")).alias("is")]).compute()?;
    let value = row.column("is")?.cast(&pl::DataType::Float64)?.f64()?.get(0);
    value.ok_or_else(|| "the statistic is null where values are there".into())
}

fn values(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * other.abs()
}

check!("It is right when there is one partition", 1, {
    let came = of_partitions(&geomean, &[values(&[1.0, 2.0, 4.0])])?;
    let advice = if near(came, 7.0 / 3.0) {
        "that is the ordinary mean: take the logarithm of the values first, and `.exp()` of the mean in the end"
    } else if near(came, 2.0_f64.ln()) {
        "that is the mean of the logarithms: `.exp()` of it is missing"
    } else if near(came, 8.0) {
        "that is the product: divide the sum of the logarithms by the number of values"
    } else {
        "it is e to the mean of the logarithms"
    };
    ensure!(near(came, 2.0), "The geometric mean of 1, 2 and 4 is 2, and {came:.6} came; {advice}.");
});

check!("It is right however the rows are cut", 2, {
    let whole = of_partitions(&geomean, &[values(&[1.0, 2.0, 4.0, 16.0])])?;
    let cut = of_partitions(&geomean, &[values(&[1.0, 2.0, 4.0]), values(&[16.0])])?;
    ensure!(
        near(cut, whole),
        "In one partition, 1, 2, 4 and 16 give {whole:.6}; as 1, 2, 4 and, in another partition, 16, they give \
         {cut:.6}. What a partition leaves behind has to say how many values there were, for three weigh more than one."
    );
    let empty = of_partitions(&geomean, &[values(&[1.0, 2.0, 4.0]), Vec::new(), values(&[16.0])]);
    let came = empty.as_ref().map_or_else(|error| error.to_string(), |value| format!("{value:.6}"));
    ensure!(
        empty.is_ok_and(|empty| near(empty, whole)),
        "With a partition without rows between the two, {came} came, and {whole:.6} was expected. Sums and counts of \
         nothing are 0, and do no harm when they are added up; means of nothing do."
    );
    // So many partitions are put together in several steps.
    let numbers: Vec<f64> = (1..=600).map(|number| 1.0 + f64::from(number) / 600.0).collect();
    let expected = of_partitions(&geomean, &[values(&numbers)])?;
    let parts: Vec<_> = numbers.chunks(3).map(values).collect();
    let came = of_partitions(&geomean, &parts)?;
    ensure!(
        near(came, expected),
        "600 numbers from 1 to 2 give {expected:.6} in one partition, and {came:.6} in {}. `combine` is also applied \
         to what it has combined before: counts have to be summed there, and not counted.",
        parts.len()
    );
});

check!("It is right for groups, and where values are missing", 1, {
    let parts = vec![
        pl::df!("by" => ["a", "a", "b"], "x" => [Some(1.0), Some(4.0), Some(3.0)])?,
        pl::df!("by" => ["a", "a"], "x" => [Some(16.0), None])?,
        pl::df!("by" => ["b"], "x" => [Some(27.0)])?,
    ];
    let rows = taskloom::DataFrame::from_partitions(parts)?
        .groupby("by")
        .agg([geomean.on(pl::col("x")).alias("is")])
        .compute()?;
    let of = |row: usize| -> pl::PolarsResult<Option<f64>> { Ok(rows.column("is")?.f64()?.get(row)) };
    let (a, b) = (of(0)?, of(1)?);
    let shown = |value: Option<f64>| value.map_or("nothing".to_owned(), |value| format!("{value:.6}"));
    let advice = if a.is_some_and(|a| near(a, 64.0_f64.powf(0.25))) {
        "What is missing is left out: `x.count()` counts the values that are there, and `pl::len()` counts rows"
    } else {
        "The notes of a group are put together like those of all rows: see the check above"
    };
    ensure!(
        a.is_some_and(|a| near(a, 4.0)),
        "The group with 1, 4, 16 and a value that is missing should give 4, and {} came. {advice}.",
        shown(a)
    );
    ensure!(
        b.is_some_and(|b| near(b, 9.0)),
        "The group with 3 and, two partitions on, 27 should give 9, and {} came. {advice}.",
        shown(b)
    );
});
