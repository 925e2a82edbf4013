let readings = Array::<f64>::random((2000, 20_000), (2000, 50)).seed(5).uniform(0.0, 100.0);
