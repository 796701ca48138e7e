export default "rain, from a workspace";
