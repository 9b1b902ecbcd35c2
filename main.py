"""argv → config → run → exit code; nothing else."""

import sys

from config.command import parse


def main(argv: list[str]) -> int:
    """Run one role. Help is answered before anything heavy is imported."""
    own, rest, parser = parse(argv)
    if not (own.role or own.config):
        if own.help:
            parser.print_help()
            return 0
        if not own.schema:
            parser.error("say what to run with --role ROLE or --config FILE; --help lists the roles")
    from config.run import run

    return run(own, rest, parser)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
