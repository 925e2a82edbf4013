let readings = Array::<f64>::random((2000, 20_000), (100, 20_000)).seed(5).uniform(0.0, 100.0);
