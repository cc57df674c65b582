# Two commands do all the set-up: `make up` and `make test`. Everything is decided in local/cli.py.
PYTHON ?= python3
export PORT

.PHONY: up down status why shell logs preview env test bench drill

up:
	@$(PYTHON) -m local up

down:
	@$(PYTHON) -m local down $(if $(VOLUMES),--volumes $(VOLUMES))

status why env bench:
	@$(PYTHON) -m local $@

shell logs:
	@$(PYTHON) -m local $@ $(SERVER)

preview:
	@$(PYTHON) -m local preview $(if $(STACK),--stack $(STACK))

test:
	@$(PYTHON) -m local test $(ONLY)

drill:
	@$(PYTHON) -m local drill $(DRILL) $(if $(REPEAT),--repeat $(REPEAT))
