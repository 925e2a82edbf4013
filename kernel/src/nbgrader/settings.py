"""Settings of nbgrader for notebooks in Rust, as `taskloom nbgrader export` wrote them. They are yours to change."""

import os

c = get_config()  # noqa: F821 (nbgrader puts it here)

c.CourseDirectory.course_id = "{course}"

# What a student finds where a solution was.
c.ClearSolutions.code_stub = {"rust": "// YOUR CODE HERE"}

# Seconds that a cell may take, and that the kernel may take to start.
c.Execute.timeout = "{seconds}"
c.Execute.startup_timeout = 120

# Students may try things in the cells that the course gives; for grading these are put back as they were.
c.LockCells.lock_readonly_cells = False

# A test that somebody has deleted is put back. nbgrader writes `# ` before these words; in Rust, that is a comment like this.
c.OverwriteCells.add_missing_cells = True
c.OverwriteCells.missing_cell_notification = "![allow(unused)] // {cell_id} was missing here; nbgrader has put it back\n"

# Where Jupyter finds the kernel, and notebooks their data.
os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [os.environ.get("JUPYTER_PATH"), "{jupyter}"]))
"{set data}"
