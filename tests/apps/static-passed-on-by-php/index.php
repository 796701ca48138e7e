<?php include_once("home.html"); ?>
