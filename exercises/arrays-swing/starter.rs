let jump = month.max_axis(0) - month.min_axis(0);
