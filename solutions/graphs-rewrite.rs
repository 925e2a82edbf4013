let mut trial = mean_sale.to_graph();
trial.replace(orders.key(), Entry::value(vec![10.0_f64, -5.0, 20.0]));
