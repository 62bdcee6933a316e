"""The backend's database: connection rules, tables, migrations."""
