"""The statements that hand the tables to a cluster."""

from tracesvc.store.catalog import TABLES, distribute_statements


def test_every_table_is_handed_over_once_in_an_order_that_can_work():
    """Settings first, coordinator and reference tables next, a group's founder before the rest."""
    statements = distribute_statements()

    assert statements[:2] == [
        "SET citus.enable_local_reference_table_foreign_keys = off",
        "SET citus.enable_unsafe_triggers = on",
    ]
    assert "SELECT citus_add_local_table_to_metadata('tracesvc.capture')" in statements
    assert "SELECT create_reference_table('tracesvc.party')" in statements
    founder = statements.index(
        "SELECT create_distributed_table('tracesvc.scan', 'trace_code',"
        " colocate_with => 'none', shard_count => 32)"
    )
    member = statements.index(
        "SELECT create_distributed_table('tracesvc_view.custody', 'trace_code',"
        " colocate_with => 'tracesvc.scan')"
    )
    assert founder < member
    assert statements.index("SELECT create_reference_table('tracesvc.party')") < founder
    for table in TABLES:
        assert sum(f"'{table}'," in s or f"'{table}')" in s for s in statements[2:]) >= (
            table != "tracesvc.schema_migration"
        )


def test_no_statement_is_two():
    """Each statement is one round trip."""
    assert not [statement for statement in distribute_statements() if ";" in statement]


def test_what_is_placed_stays():
    """Repeating the step after a later migration only adds what is new, beside its group."""
    placed = set(TABLES) - {"tracesvc_view.custody"}

    (statement,) = distribute_statements(placed=placed)[2:]

    assert statement == (
        "SELECT create_distributed_table('tracesvc_view.custody', 'trace_code',"
        " colocate_with => 'tracesvc.scan')"
    )
