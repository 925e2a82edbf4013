let mean_distance = trips.col("trip_distance").mean();
