"""The circuit on paper: reads hardware/ (data), checks it, draws it and exports it for other tools."""
