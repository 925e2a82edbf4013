let by_year = sst.reshape((30, 12, 89, 180));
let anomaly = (&by_year - by_year.mean_axis(0)).reshape((360, 89, 180));
