import sys
from pathlib import Path

# pytest imports test files by path (importmode=importlib), so their helpers need one.
sys.path.insert(0, str(Path(__file__).parent))
