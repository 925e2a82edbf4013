let rows = trips.compute()?; // all 19 columns of all trips
// By now everything has been read: this only looks at what is in memory.
let mean_distance = rows.column("trip_distance")?.as_materialized_series().mean();
