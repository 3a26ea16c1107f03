"""The command line: `tracesvc COMMAND`. Prints, exits 0 done, 1 failed, 2 wrong usage."""

import click

from tracesvc.bootstrap import release
from tracesvc.commands.demo import demo
from tracesvc.commands.importing import import_files
from tracesvc.commands.registry import keys, parties
from tracesvc.commands.schema import migrate, rebuild, schemas, verify
from tracesvc.commands.serving import serve, work
from tracesvc.commands.simulating import simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(release(), package_name="tracesvc")
def main() -> None:
    """Traceability for drugs and vaccines: one code per pack, one immutable log, one provable path.

    Settings come from TRACESVC_… environment variables; options win over them.
    """


for _command in (
    demo, serve, work, migrate, rebuild, verify, parties, keys, import_files, simulate, schemas,
):  # fmt: skip
    main.add_command(_command)
