from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("python first, node for the assets"))]
