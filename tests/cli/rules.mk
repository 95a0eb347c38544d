# The commands as a person runs them; against the debug build.
cli: debug
	@sh tests/cli/run.sh
