let row_means = (&square + square.t()).mean_axis(1);
