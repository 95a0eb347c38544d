# The live tests with the figures that the project shows; `make test` runs them smaller.
.PHONY: live show-demo show-kill9 show-mailservers show-memory bare
PYTHON := /usr/bin/python3
live: all
	@sh tests/run.sh $(notdir $(wildcard tests/live/test_*.py))
show-demo: all
	@$(PYTHON) tests/live/show_demo.py 100000
show-kill9: all
	@$(PYTHON) tests/live/test_kill9.py 50000 10 60
show-mailservers: all
	@$(PYTHON) tests/live/test_mailservers.py 20000
show-memory: all
	@$(PYTHON) tests/live/test_memory.py 1000000
bare:
	@sh tests/bare.sh
