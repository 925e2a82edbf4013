let nino = anomaly.slice(s![.., 42..47, 95..121]).nanmean_axis([1, 2]);
