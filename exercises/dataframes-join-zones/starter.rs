let named = trips.join(&zones, "DOLocationID", "LocationID", Join::new(How::Left).strategy(Strategy::Shuffle));
let boroughs = named.groupby("Borough").agg([pl::len().alias("trips"), col("fare_amount").mean().alias("fare")]);
