"""
SQL for migrations: the triggers that mark a changed row's subject.
"""

from django.db import migrations

from journal.sealing import SIGN

_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal_mark (subject, subject_id) {rows};
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {transition}
    FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


def mark(table: str, *, subject: str, column: str) -> migrations.RunSQL:
    """
    Return the operation that marks ``subject`` (its id is in ``column``) whenever a row of ``table`` changes.

    Statement triggers with transition tables: ``update()``, ``bulk_create``, COPY and raw SQL are seen like ``save()``,
    and 200,000 rows cost one statement more rather than 200,000.
    """
    new = f"SELECT DISTINCT '{subject}', {column} FROM new_rows WHERE {column} IS NOT NULL"  # noqa: S608  names from migrations, not input
    old = new.replace("new_rows", "old_rows")
    parts = [
        ("insert", "NEW TABLE AS new_rows", new),
        ("update", "OLD TABLE AS old_rows NEW TABLE AS new_rows", f"{old} UNION {new}"),
        ("delete", "OLD TABLE AS old_rows", old),
    ]
    names = {event: f"journal_{table}_{subject}_{event}" for event, _, _ in parts}
    return migrations.RunSQL(
        sql="".join(
            _FUNCTION.format(name=names[event], rows=rows, event=event.upper(), table=table, transition=transition)
            for event, transition, rows in parts
        ),
        reverse_sql="".join(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();" for name in names.values()),
    )


def append_only(table: str, *, sealed: tuple[str, ...] = ()) -> migrations.RunSQL:
    """
    Return the operation after which rows of ``table`` can be added and never changed or removed.

    The columns named in ``sealed`` can be sealed anew under another key (journal/resealing.py), and nothing else.
    """
    refuse = "FOR EACH ROW EXECUTE FUNCTION journal_refuse_change()"
    if sealed:
        # A trigger of two events cannot look at both OLD and NEW.
        rows = f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table}
            FOR EACH ROW WHEN (NOT ({_only_sealed_anew(sealed)})) EXECUTE FUNCTION journal_refuse_change();
        CREATE TRIGGER {table}_not_removed BEFORE DELETE ON {table} {refuse};
        """
    else:
        rows = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} {refuse};"
    return migrations.RunSQL(
        sql=f"""
        {rows}
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_truncate();
        """,
        reverse_sql=f"DROP TRIGGER {table}_append_only ON {table}; DROP TRIGGER {table}_no_truncate ON {table};"
        f" DROP TRIGGER IF EXISTS {table}_not_removed ON {table};",
    )


def _only_sealed_anew(columns: tuple[str, ...]) -> str:
    names = ", ".join(f"'{name}'" for name in columns)
    parts = [
        "coalesce(current_setting('journal.resealing', true), '') = 'on'",
        f"to_jsonb(OLD) - ARRAY[{names}] = to_jsonb(NEW) - ARRAY[{names}]",
        *(f'(OLD."{name}" IS NULL) = (NEW."{name}" IS NULL)' for name in columns),
        *(f"""coalesce(starts_with(NEW."{name}", '{SIGN}'), true)""" for name in columns),
    ]
    return " AND ".join(parts)
