let jump = (month.slice(s![1.., .., ..]) - month.slice(s![..-1, .., ..])).max_axis(0);
