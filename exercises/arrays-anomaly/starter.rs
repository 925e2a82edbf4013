let anomaly = &sst - sst.mean_axis(0);
