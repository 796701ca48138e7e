import views  # noqa: F401
from app import app

if __name__ == "__main__":
    app.run(debug=True)
