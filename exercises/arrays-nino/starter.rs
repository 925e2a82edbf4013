let nino = anomaly.nanmean_axis([1, 2]);
