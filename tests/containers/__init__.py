"""The image and docker-compose.yml, on a real engine."""
