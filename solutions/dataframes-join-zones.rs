let named = trips.join(&zones, "PULocationID", "LocationID", How::Left);
let boroughs = named.groupby("Borough").agg([pl::len().alias("trips"), col("fare_amount").mean().alias("fare")]);
