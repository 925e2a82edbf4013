let name_counts = csv.map(|line| line.split(',').next().unwrap_or_default().to_owned()).frequencies();
